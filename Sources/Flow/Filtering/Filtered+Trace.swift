import Dialogue
import Filter
import Mail
import SMTP
import Store

/// What the checks leave in the trace: one row for each, the same for all recipients.
extension Filtered {
    func trace(_ arrival: Arrival, _ facts: Intake.Facts) -> [TraceEntry] {
        checks.map { reason in
            TraceEntry(
                time: facts.date.seconds, event: "checked", queueID: facts.queueID, messageID: facts.summary.messageID ?? "",
                peer: arrival.connection.peerAddress, sender: arrival.transaction.reversePath.text, text: reason.stored)
        }
    }

    private var checks: [Reason] {
        let inspection = evidence.inspection
        var reasons: [Reason] = []
        let virusTime = "\(inspection.virusMilliseconds)"
        switch inspection.virus {
        case .notAsked: break
        case .clean where inspection.limits.contains("time"):
            reasons.append(Reason("trace.check.virus.unavailable", ["ms": virusTime, "why": "scan.slow"]))
        case .clean where inspection.knewOnlyTest: reasons.append(Reason("trace.check.virus.test", ["ms": virusTime]))
        case .clean: reasons.append(Reason("trace.check.virus.clean", ["ms": virusTime]))
        case .infected(let names):
            reasons.append(Reason("trace.check.virus.infected", ["ms": virusTime, "names": Reason.list(names)]))
        case .poisoned: reasons.append(Reason("trace.check.virus.poisoned"))
        case .unavailable(let why): reasons.append(Reason("trace.check.virus.unavailable", ["ms": virusTime, "why": why]))
        }
        if !order.bannedNames.isEmpty {
            let time = "\(inspection.namesMilliseconds)"
            let found = Set(inspection.banned.values.flatMap { $0 }).map { "\($0.part) (\($0.rule))" }.sorted()
            reasons.append(
                found.isEmpty
                    ? Reason("trace.check.names.clean", ["ms": time])
                    : Reason("trace.check.names.banned", ["ms": time, "names": Reason.list(found)]))
        }
        for (key, names) in [
            ("trace.check.limit", inspection.limits), ("trace.check.encrypted", inspection.encrypted),
            ("trace.check.unopened", inspection.unopened),
        ] where !names.isEmpty {
            reasons.append(Reason(key, ["names": Reason.list(names)]))
        }
        if verdicts.values.contains(where: \.isWhite) { reasons.append(Reason("trace.check.white")) }
        if verdicts.values.contains(where: \.isBlack) { reasons.append(Reason("trace.check.black")) }
        let scores = Set(verdicts.values.compactMap(\.score)).sorted()
        if !scores.isEmpty {
            reasons.append(Reason("trace.check.spam", ["score": scores.map(FilterFields.text).joined(separator: ", ")]))
        }
        return reasons
    }
}
