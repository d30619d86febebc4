import Archives
import Dispatch
import Filter

/// In this process. Without an engine of libclamav it looks at names only.
final class LocalEngine: ScanEngine {
    private let engine: Engine?
    private let names: NameWalk.Limits
    private let matcher: NameMatcher
    private let log: @Sendable (String) -> Void
    let settings: ScanSettings

    init(
        _ engine: Engine?, _ settings: ScanSettings, names: NameWalk.Limits, matcher: @escaping NameMatcher,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.engine = engine
        self.settings = settings
        self.names = names
        self.matcher = matcher
        self.log = log
    }

    var version: SignatureVersion { engine?.version ?? .embedded }
    var count: Int { engine?.count ?? 0 }
    var failures: [EngineFailure] { engine?.failures ?? [] }
    var bytes: Int? { nil }
    var isDead: Bool { false }

    func examine(_ content: any InspectedContent, _ order: InspectionOrder, until deadline: DispatchTime) -> Examination {
        var inspection = Inspection()
        do {
            try content.withBytes { inspection = examine($0, order, until: deadline) }
        } catch {
            log("a message could not be read: \(error)")
            inspection.virus = .unavailable("scan.failed")
        }
        return .done(inspection)
    }

    func examine(_ bytes: UnsafeRawBufferPointer, _ order: InspectionOrder, until deadline: DispatchTime) -> Inspection {
        var inspection = Inspection()
        let look = order.virus ? scan(bytes, until: deadline, &inspection) : nil
        if look?.isOver == false || !order.bannedNames.isEmpty { walk(bytes, order.bannedNames, look, until: deadline, &inspection) }
        if let look { conclude(look, &inspection) }
        return inspection
    }

    /// nil: there is nothing to look with.
    private func scan(_ bytes: UnsafeRawBufferPointer, until deadline: DispatchTime, _ inspection: inout Inspection) -> SecondLook? {
        guard let engine else {
            inspection.virus = .unavailable("scan.no-signatures")
            return nil
        }
        let start = DispatchTime.now()
        defer { inspection.virusMilliseconds = start.milliseconds }
        inspection.signatures = engine.version.text
        switch engine.scan(message: bytes, until: deadline) {
        case .failure(let failure):
            fail(failure.words, &inspection)
            return nil
        case .success(let record): return SecondLook(engine, after: record, until: deadline)
        }
    }

    private func fail(_ words: String, _ inspection: inout Inspection) {
        log("a scan failed: \(words)")
        inspection.virus = .unavailable("scan.failed")
    }

    /// One walk through all parts, for their names and for what libclamav did not look at.
    private func walk(
        _ bytes: UnsafeRawBufferPointer, _ lists: [String], _ look: SecondLook?, until deadline: DispatchTime,
        _ inspection: inout Inspection
    ) {
        let start = DispatchTime.now()
        let matchers = lists.map { (list: $0, rule: matcher($0)) }
        var banned: [String: [Inspection.Banned]] = [:]
        var limits = names
        limits.seconds = min(limits.seconds, max(1, start.seconds(until: deadline)))
        let finding = NameWalk(limits).walk(bytes, for: look) { part in
            for (list, rule) in matchers where (banned[list]?.count ?? 0) < Inspection.listed {
                guard let rule = rule(part) else { continue }
                banned[list, default: []].append(Inspection.Banned(part: part.title, rule: rule))
            }
        }
        inspection.banned = banned
        inspection.unopened = finding.unopened
        inspection.encrypted = finding.encrypted
        inspection.limits = finding.limits
        inspection.namesMilliseconds = start.milliseconds - (look?.milliseconds ?? 0)
    }

    private func conclude(_ look: SecondLook, _ inspection: inout Inspection) {
        inspection.virusMilliseconds += look.milliseconds
        if let words = look.failure { return fail(words, &inspection) }
        let alerts = look.alerts
        inspection.virus = alerts.viruses.isEmpty ? .clean : .infected(alerts.viruses)
        // libclamav knows what kind of archive is locked, the walk knows its name.
        let kinds = alerts.encrypted.filter { inspection.encrypted.isEmpty || !Self.archives.contains($0) }
        inspection.encrypted = Self.union(inspection.encrypted, kinds)
        inspection.limits = Self.union(inspection.limits, alerts.limits)
    }

    private static func union(_ list: [String], _ other: [String]) -> [String] {
        Array((list + other.filter { !list.contains($0) }).prefix(Inspection.listed))
    }

    private static let archives: Set<String> = ["Zip", "7Zip", "RAR", "EGG"]
}

extension DispatchTime {
    /// Since then.
    var milliseconds: Int { Int((DispatchTime.now().uptimeNanoseconds &- uptimeNanoseconds) / 1_000_000) }

    func seconds(until other: DispatchTime) -> Int {
        other.uptimeNanoseconds > uptimeNanoseconds ? Int(clamping: (other.uptimeNanoseconds - uptimeNanoseconds) / 1_000_000_000) : 0
    }
}
