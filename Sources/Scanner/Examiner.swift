import Archives
import Dispatch
package import Filter

/// Looks at one message, on the thread that asks.
protocol Examiner: Sendable {
    /// What tells its verdicts from those of yesterday's signatures and limits; nil: there are no signatures.
    var identity: String? { get }
    func examine(_ content: any InspectedContent, _ order: InspectionOrder, until deadline: DispatchTime) -> Examination
}

enum Examination: Sendable {
    case done(Inspection)
    /// Who did it died of it, or was killed: another process, since this one lives.
    case died
    /// Another message killed it: to be tried again.
    case interrupted
}

/// Makes of a list of banned names (`InspectionOrder.bannedNames`) what tells the rule that a part meets.
package typealias NameMatcher = @Sendable (String) -> (NamedPart) -> String?

/// In this process.
struct LocalExaminer: Examiner {
    let signatures: Signatures
    let names: NameWalk.Limits
    let matcher: NameMatcher
    let log: @Sendable (String) -> Void

    var identity: String? { signatures.identity }

    func examine(_ content: any InspectedContent, _ order: InspectionOrder, until deadline: DispatchTime) -> Examination {
        var inspection = Inspection()
        do {
            try content.withBytes { bytes in
                if order.virus { scan(bytes, until: deadline, &inspection) }
                if !order.bannedNames.isEmpty { walk(bytes, order.bannedNames, until: deadline, &inspection) }
            }
        } catch {
            log("a message could not be read: \(error)")
            inspection.virus = .unavailable("scan.failed")
        }
        return .done(inspection)
    }

    private func scan(_ bytes: UnsafeRawBufferPointer, until deadline: DispatchTime, _ inspection: inout Inspection) {
        let start = DispatchTime.now()
        defer { inspection.virusMilliseconds = start.milliseconds }
        guard let engine = signatures.engine(until: deadline) else {
            inspection.virus = .unavailable("scan.no-signatures")
            return
        }
        inspection.signatures = engine.version.text
        switch engine.scan(message: bytes) {
        case .failed(let words):
            log("a scan failed: \(words)")
            inspection.virus = .unavailable("scan.failed")
        case .scanned(let alerts):
            inspection.virus = alerts.viruses.isEmpty ? .clean : .infected(alerts.viruses)
            inspection.limits = alerts.limits
            inspection.encrypted = alerts.encrypted
        }
    }

    private func walk(_ bytes: UnsafeRawBufferPointer, _ lists: [String], until deadline: DispatchTime, _ inspection: inout Inspection) {
        let start = DispatchTime.now()
        let matchers = lists.map { (list: $0, rule: matcher($0)) }
        var banned: [String: [Inspection.Banned]] = [:]
        var limits = names
        limits.seconds = min(limits.seconds, max(1, start.seconds(until: deadline)))
        let finding = NameWalk(limits).walk(bytes) { part in
            for (list, rule) in matchers where banned[list, default: []].count < Inspection.listed {
                guard let rule = rule(part) else { continue }
                banned[list, default: []].append(Inspection.Banned(part: part.path.filter { !$0.isEmpty }.joined(separator: " › "), rule: rule))
            }
        }
        inspection.banned = banned
        inspection.unopened = finding.unopened
        // libclamav knows what kind of archive is locked, the walk knows its name.
        let archives: Set<String> = ["Zip", "7Zip", "RAR", "EGG"]
        let kinds = inspection.encrypted.filter { finding.encrypted.isEmpty || !archives.contains($0) }
        inspection.encrypted = Array((finding.encrypted + kinds).prefix(Inspection.listed))
        for limit in finding.limits where !inspection.limits.contains(limit) { inspection.limits.append(limit) }
        inspection.namesMilliseconds = start.milliseconds
    }
}

extension DispatchTime {
    /// Since then.
    var milliseconds: Int { Int((DispatchTime.now().uptimeNanoseconds &- uptimeNanoseconds) / 1_000_000) }

    func seconds(until other: DispatchTime) -> Int {
        other.uptimeNanoseconds > uptimeNanoseconds ? Int(clamping: (other.uptimeNanoseconds - uptimeNanoseconds) / 1_000_000_000) : 0
    }
}
