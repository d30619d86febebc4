import Dialogue
import Filter
import Mail
import SMTP
import Store

/// What becomes of a message: complete what was submitted, gather the facts, judge, place, deliver in one transaction, reply.
struct Intake: Sendable {
    enum Outcome: Sendable {
        /// Durable for every recipient.
        case delivered(queueID: String)
        /// `queueID` and `messageID`: under which the trace tells more of it; empty where there is no more.
        /// `each`: why for a recipient, by his address, where he has reasons of his own.
        case refused(Reply, Reason, queueID: String = "", messageID: String = "", each: [String: Reason] = [:])
    }

    let context: ReceptionContext

    init(_ context: ReceptionContext) { self.context = context }

    func take(_ arrival: Arrival) async -> Outcome {
        do throws(StoreFailure) {
            var arrival = arrival
            let stamp = stamp()
            if arrival.origin != .elsewhere {
                let submission = Submission(context: context, login: arrival.origin.login)
                switch try await submission.take(arrival.spool, from: arrival.transaction.reversePath, stamp) {
                case .ready(let spool): arrival.spool = spool
                case .refused(let reply, let reason): return .refused(reply, reason)
                }
            }
            let filtering = Filtering(context)
            let basis = try await filtering.prepare(&arrival)
            let facts = try await gather(arrival, stamp)
            if let refusal = judge(arrival, facts) { return refusal }
            var filtered: Filtered?
            if let basis { filtered = await filtering.look(at: arrival, basis) }
            if let refusal = await judge(arrival, facts, filtered) { return refusal }
            return try await deliver(arrival, facts, filtered)
        } catch {
            context.report("delivery", "\(error)")
            return .refused(Reception.storageReply(error), Reason("trace.storage", ["failure": error.code]))
        }
    }

    // MARK: Gather

    private func stamp() -> MessageStamp {
        let now = context.clock()
        let seconds = now / 1_000_000
        return MessageStamp(
            queueID: context.queueIDs.next(microseconds: UInt64(clamping: now)),
            date: InternalDate(seconds: seconds, zoneMinutes: context.zone(seconds)))
    }

    struct Facts: Sendable {
        var queueID: String
        var date: InternalDate
        var summary: MessageSummary
        var isEightBit: Bool
        /// RFC 4865: seconds since 1970 before which nobody gets it, however near he is; 0: at once.
        var due: Int64
        /// Addresses that the message was at already, folded; looked for where it is forwarded.
        var deliveredTo: Set<String>
    }

    private func gather(_ arrival: Arrival, _ stamp: MessageStamp) async throws(StoreFailure) -> Facts {
        let summary = try await Summary.of(arrival.spool, context.workshop)
        let due = arrival.transaction.mail.hold?.due(stamp.date.seconds) ?? 0
        let leaves = due > 0 || arrival.recipients.contains { !$0.expansion.foreign.isEmpty }
        return Facts(
            queueID: stamp.queueID, date: stamp.date, summary: summary,
            isEightBit: leaves ? try await Summary.isEightBit(arrival.spool, context.workshop) : false, due: due,
            deliveredTo: arrival.recipients.contains(where: \.isForwarded)
                ? try await Summary.deliveredTo(arrival.spool, context.workshop) : [])
    }

    // MARK: Judge

    private func judge(_ arrival: Arrival, _ facts: Facts) -> Outcome? {
        let limit = context.store.integer(.receivedLimit)
        // RFC 5321 §6.3: loop detection by counting Received fields.
        guard facts.summary.receivedCount <= limit else {
            return .refused(
                Reply(554, "5.4.6", "Too many hops: \(facts.summary.receivedCount) Received fields"),
                Reason("trace.hops", ["count": "\(facts.summary.receivedCount)", "limit": "\(limit)"]))
        }
        // What was forwarded from here has come back.
        if let recipient = arrival.recipients.first(where: { $0.isForwarded && facts.deliveredTo.contains($0.address.asciiLowercased) }) {
            return .refused(
                Reply(554, "5.4.6", "Mail forwarding loop for <\(recipient.address)>"),
                Reason("trace.forwarding-loop", ["address": recipient.address]))
        }
        return nil
    }

    /// By what the checks found: nil where at least one recipient's policy takes it off the sender's hands.
    private func judge(_ arrival: Arrival, _ facts: Facts, _ filtered: Filtered?) async -> Outcome? {
        guard let filtered else { return nil }
        if let why = filtered.unscanned, context.store.value(.unscannedMail) == "wait" {
            log(arrival, facts, "refused for now: not scanned (\(context.words(Reason(why), "en")))")
            return .refused(
                Reply(451, "4.7.1", "The message can't be checked for viruses now, try again later"),
                Reason("trace.unscanned", ["why": why]), queueID: facts.queueID,
                messageID: facts.summary.messageID ?? "")
        }
        let verdicts = arrival.verdicts(filtered)
        guard Judgement(verdicts.map(\.destiny), knowsSender: arrival.knowsSender) == .refused,
            let objection = verdicts.lazy.compactMap(\.blocking).first
        else { return nil }
        let placement = Placement(arrival, facts, filtered, isRefused: true, hostname: context.hostname)
        let number = await keepRefused(placement.delivery, filtered.trace(arrival, facts))
        log(placement, arrival, facts, number)
        var reasons = arrival.reasons(filtered)
        if let number {
            // Who would not even have a copy has no number.
            let kept = Set((placement.delivery.quarantined?.recipients ?? []).map(\.recipient))
            for address in kept { reasons[address]?.isKept(as: number) }
        }
        return .refused(
            objection.reply(facts.queueID), objection.reason, queueID: facts.queueID, messageID: facts.summary.messageID ?? "",
            each: reasons)
    }

    /// The copy of a message that is refused, and its number. What keeps it from being kept changes nothing about the refusal.
    private func keepRefused(_ delivery: Delivery, _ trace: [TraceEntry]) async -> Int64? {
        for entry in trace { context.store.note(entry) }
        guard delivery.quarantined != nil else { return nil }
        do throws(StoreFailure) {
            return try await context.store.deliver(delivery).quarantine
        } catch .quarantineFull {
        } catch {
            context.report("quarantine", "\(error)")
        }
        return nil
    }

    private func log(_ placement: Placement, _ arrival: Arrival, _ facts: Facts, _ number: Int64?, isWithoutRoom: Bool = false) {
        guard let what = placement.withheld.line else { return }
        let copy = number.map { "; in quarantine as \($0)" } ?? (isWithoutRoom ? "; no room for a copy in quarantine" : "")
        log(arrival, facts, what + copy)
    }

    private func log(_ arrival: Arrival, _ facts: Facts, _ what: String) {
        let sender = arrival.transaction.reversePath.text.prefix(scalars: 100).printable.escaping(">")
        context.log("\(facts.queueID): from <\(sender)> [\(arrival.connection.peerAddress)]: \(what)")
    }

    // MARK: Deliver

    /// Each recipient that RCPT accepted counts, whatever it expands to.
    private func tally(_ arrival: Arrival, _ facts: Facts) -> Tally? {
        arrival.origin.login.map { login in
            .sent(
                login: login, day: SentCount.day(facts.date.seconds), recipients: arrival.recipients.count, limit: DailyLimit(context).limit
            )
        }
    }

    /// The answer to NOTIFY=SUCCESS where the message's way ends here or is told to end here; nil where nobody asked.
    private func report(
        _ told: [DeliveryReport.Recipient], _ arrival: Arrival, _ facts: Facts
    ) async throws(StoreFailure) -> Delivery? {
        guard !told.isEmpty else { return nil }
        let mail = arrival.transaction.mail
        // What was refused for its content does not come back whole.
        let ret = told.contains { $0.action == .failed } ? "HDRS" : mail.returned
        let subject = ReportDispatch.Subject(
            queueID: facts.queueID, sender: arrival.transaction.reversePath.text, envelopeID: mail.envelopeID, ret: ret,
            arrival: facts.date.seconds, smtpUTF8: mail.smtpUTF8, requiresTLS: mail.requiresTLS,
            content: SpooledContent(spool: arrival.spool, workshop: context.workshop))
        do {
            return try await context.dispatch.report(on: subject, told)
        } catch {
            throw error as? StoreFailure ?? .unavailable
        }
    }

    private func deliver(_ arrival: Arrival, _ facts: Facts, _ filtered: Filtered?) async throws(StoreFailure) -> Outcome {
        let placement = Placement(arrival, facts, filtered, hostname: context.hostname)
        var delivery = placement.delivery
        delivery.tally = tally(arrival, facts)
        let report = try await report(placement.told, arrival, facts)
        do throws(StoreFailure) {
            // Nobody gets it, and no copy is kept.
            if placement.isEmpty, filtered != nil {
                if var report {
                    report.trace += delivery.trace
                    _ = try await context.store.deliver(report)
                } else {
                    try await context.store.record(delivery.trace)
                }
                log(placement, arrival, facts, nil)
                return .delivered(queueID: facts.queueID)
            }
            let number = try await context.store.deliver(delivery, report: report).quarantine
            log(placement, arrival, facts, number, isWithoutRoom: delivery.quarantined != nil && number == nil)
            return .delivered(queueID: facts.queueID)
        } catch .overQuota {
            return .refused(Reply(552, "5.2.2", "Mailbox full"), Reason("trace.mailbox-full"))
        } catch .nonExistent {
            return .refused(Reply(550, "5.1.1", "User unknown"), Reason("trace.unknown-user"))
        } catch .quarantineFull(let isForNow) {
            log(arrival, facts, "refused: it would have to be held back, and the quarantine is full")
            let text = "The message would have to be held back, and there is no room for it"
            return .refused(Reply(isForNow ? 452 : 552, isForNow ? "4.3.1" : "5.3.1", text), Reason("trace.quarantine-full"))
        } catch .notAllowed {
            return .refused(.noAccount, Reason("trace.no-account"))
        } catch .limit {
            let daily = DailyLimit(context)
            guard let login = arrival.origin.login else { return .refused(daily.reply, daily.reason("")) }
            await daily.tell(of: login)
            return .refused(daily.reply, daily.reason(login))
        }
    }
}

extension Arrival {
    /// Why it is refused for each recipient.
    func reasons(_ filtered: Filtered) -> [String: Reason] {
        var reasons: [String: Reason] = [:]
        for recipient in recipients {
            var alone = self
            alone.recipients = [recipient]
            reasons[recipient.address] = alone.verdicts(filtered).lazy.compactMap(\.blocking).first?.reason
        }
        return reasons
    }

    /// One for each place where it would go.
    func verdicts(_ filtered: Filtered) -> [Verdict] {
        recipients.flatMap { recipient in
            recipient.expansion.locals.map { filtered.verdict(.user($0.user.address)) }
                + recipient.expansion.foreign.map { _ in filtered.verdict(forwarding: recipient.address) }
        }
    }
}

extension Verdict {
    /// Why a recipient who gets it finds it elsewhere, or with a tagged subject; nil: he doesn't.
    var mark: Reason? {
        if destiny == .junk, let blocking { return blocking.reason }
        guard isSpam else { return nil }
        if isBlack { return Reason("trace.objection.black") }
        return Reason("trace.objection.spam", ["names": Points(rounding: score ?? 0).description])
    }
}

extension Verdict.Objection {
    var reason: Reason {
        details == [Verdict.black] && category == .spam
            ? Reason("trace.objection.black")
            : Reason("trace.objection.\(category.rawValue)", ["names": Reason.list(details)])
    }

    /// RFC 3463 §3.8: 5.7.1, delivery not authorized, message refused.
    func reply(_ queueID: String) -> Reply {
        let what =
            switch category {
            case .virus: "Message contains a virus"
            case .banned: "Message contains a file that is not allowed"
            case .poisoned: "Message can't be checked"
            case .limit: "Message goes beyond what can be checked"
            case .encrypted: "Message contains encrypted files"
            case .unopened: "Message contains archives that can't be opened"
            case .spam: "Message looks like spam"
            }
        // RFC 5321 §4.5.3.1.5: 512 octets in a line; printable ASCII only.
        let names = category == .spam ? "" : details.prefix(3).joined(separator: ", ")
        let shown = String(
            names.unicodeScalars.prefix(200).map { $0 == "›" ? ">" : 0x20..<0x7F ~= $0.value ? Character($0) : "?" })
        return Reply(554, "5.7.1", what + (shown.isEmpty ? "" : ": \(shown)") + " (\(queueID))")
    }
}
