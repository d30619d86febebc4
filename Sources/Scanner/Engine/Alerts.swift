import Filter

/// What libclamav called out during a scan, sorted into viruses and into what only looks like one by its name.
struct Alerts: Sendable, Equatable {
    private(set) var viruses: [String] = []
    /// `Zip`, `PDF`…
    private(set) var encrypted: [String] = []
    private(set) var limits: [String] = []
    private let switches: ScanSwitches

    init(_ switches: ScanSwitches = ScanSwitches()) { self.switches = switches }

    /// Such alerts carry the names of what a message holds nowhere; signatures' names are cut all the same.
    private static let longestName = 200

    mutating func add(_ name: String) {
        // What libclamav adds to names of signatures that its makers did not sign.
        let name = name.hasSuffix(".UNOFFICIAL") ? String(name.dropLast(11)) : name
        let safe = String(decoding: name.utf8.prefix(Self.longestName).map { 0x20..<0x7f ~= $0 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        if let limit = Self.limit(safe) {
            Self.note(limit, in: &limits)
        } else if let kind = Self.tail(safe, "Heuristics.Encrypted.") {
            Self.note(kind, in: &encrypted)
        } else if counts(safe) {
            Self.note(safe, in: &viruses)
        }
    }

    mutating func add(_ other: Alerts) {
        for name in other.viruses { Self.note(name, in: &viruses) }
        for name in other.encrypted { Self.note(name, in: &encrypted) }
        for name in other.limits { Self.note(name, in: &limits) }
    }

    mutating func reach(_ limit: String) { Self.note(limit, in: &limits) }

    /// Without heuristics only signatures count, and the kinds of alerts that have a switch or a policy of their own.
    private func counts(_ name: String) -> Bool {
        guard !switches.heuristics, name.hasPrefix("Heuristics.") else { return true }
        return switches.macros && name.hasPrefix("Heuristics.OLE2.ContainsMacros") || name.hasPrefix("Heuristics.Phishing.")
    }

    private static func note(_ word: String, in list: inout [String]) {
        guard list.count < Inspection.listed, !list.contains(word) else { return }
        list.append(word)
    }

    private static func limit(_ name: String) -> String? {
        guard let what = tail(name, "Heuristics.Limits.Exceeded.") else { return nil }
        switch what {
        case "MaxRecursion": return "depth"
        case "MaxScanTime": return "time"
        case "MaxFiles", "EmailHeaders", "EmailMIMEPartsPerMessage", "EmailMIMEArguments": return "files"
        default: return "size"  // MaxFileSize, MaxScanSize, EmailLineFoldCnt, EmailHeaderBytes
        }
    }

    private static func tail(_ name: String, _ prefix: String) -> String? {
        name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
    }
}
