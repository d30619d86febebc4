import GRDB
import Mail
import Synchronization

/// A setting that the server knows. Anything else is refused when it is set.
package struct Setting: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case text
        /// Text of one line of so many characters at most.
        case line(Int)
        /// Two letters (ISO 3166), or nothing.
        case country
        case integer(ClosedRange<Int>)
        case bool
        /// Comma-separated networks, `127.0.0.0/8,::1/128`.
        case networks
        /// One character, or nothing.
        case separator
        /// A host name in ASCII.
        case host
        /// A mail address, or nothing.
        case address
        /// An IP address, or nothing.
        case ipAddress
        /// One of these words.
        case choice([String])
        /// `own`, or a path from the root.
        case directory
        /// Durations separated by commas, each a number with s, m, h or d: `5m,10m,1h`.
        case durations
    }

    /// Also the key of its description in the translations: `setting.<key>`.
    package let key: String
    package let kind: Kind
    package let fallback: String

    package static let hostname = Setting(key: "hostname", kind: .host, fallback: "")
    package static let networks = Setting(key: "networks", kind: .networks, fallback: "127.0.0.0/8,::1/128")
    package static let separator = Setting(key: "recipient-separator", kind: .separator, fallback: "+")
    package static let maximumMessageSize = Setting(key: "maximum-message-size", kind: .integer(65_536...1 << 34), fallback: "52428800")
    /// Bytes for each user; 0 is unlimited.
    package static let quota = Setting(key: "quota", kind: .integer(0...1 << 50), fallback: "0")
    package static let administrator = Setting(key: "administrator", kind: .address, fallback: "")
    package static let receivedLimit = Setting(key: "received-limit", kind: .integer(5...1_000), fallback: "50")
    package static let iterations = Setting(key: "password-iterations", kind: .integer(4_096...65_536), fallback: "10000")
    package static let traceDays = Setting(key: "trace-days", kind: .integer(1...3_650), fallback: "30")
    package static let traceRows = Setting(key: "trace-rows", kind: .integer(1_000...100_000_000), fallback: "1000000")
    package static let tombstoneDays = Setting(key: "tombstone-days", kind: .integer(1...3_650), fallback: "90")
    package static let segmentSize = Setting(key: "segment-size", kind: .integer(1 << 16...1 << 34), fallback: "268435456")
    /// Percent of a segment's bytes that must be dead before it is compacted.
    package static let compactionPercent = Setting(key: "compaction-percent", kind: .integer(10...95), fallback: "50")
    /// A compacted segment's file stays as long.
    package static let compactionHours = Setting(key: "compaction-hours", kind: .integer(0...8_760), fallback: "48")
    package static let snapshotMinutes = Setting(key: "snapshot-minutes", kind: .integer(1...10_080), fallback: "60")
    package static let snapshotCount = Setting(key: "snapshot-count", kind: .integer(1...1_000), fallback: "4")
    package static let connectionsPerAddress = Setting(key: "connections-per-address", kind: .integer(1...100_000), fallback: "100")

    package static let all: [Setting] = general + tls + authentication + sending + resolving + filtering

    static let general: [Setting] = [
        hostname, networks, separator, maximumMessageSize, quota, administrator, receivedLimit, iterations, traceDays, traceRows,
        tombstoneDays, segmentSize, compactionPercent, compactionHours, snapshotMinutes, snapshotCount, connectionsPerAddress,
    ]

    package static func named(_ key: String) -> Setting? { all.first { $0.key == key } }

    /// The value as it is stored, or nil when it is not one.
    package func normalised(_ value: String) -> String? {
        let value = value.trimmed
        switch kind {
        case .text: return value
        case .line(let limit):
            return value.count <= limit && !value.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } ? value : nil
        case .country:
            let isCountry =
                value.isEmpty || value.utf8.count == 2 && value.utf8.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
            return isCountry ? value.uppercased() : nil
        case .integer(let range): return Int(value).flatMap { range.contains($0) ? String($0) : nil }
        case .bool:
            switch value.lowercased() {
            case "true", "yes", "on", "1", "sí", "si": return "true"
            case "false", "no", "off", "0": return "false"
            default: return nil
            }
        case .networks:
            let parts = value.split(separator: ",").map { String($0).trimmed }
            return parts.allSatisfy({ $0.isEmpty || IPNetwork($0) != nil }) ? parts.filter { !$0.isEmpty }.joined(separator: ",") : nil
        case .choice(let words):
            let word = value.lowercased()
            return words.first { $0.lowercased() == word }
        case .durations:
            let parts = value.split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed.lowercased() }
            return parts.allSatisfy({ Self.seconds($0) != nil }) ? parts.joined(separator: ",") : nil
        case .directory: return value == "own" || value.hasPrefix("/") ? value : nil
        case .ipAddress: return value.isEmpty || IPAddress(value) != nil ? value : nil
        case .separator: return value.utf8.count <= 1 && value != "@" ? value : nil
        case .host: return value.isEmpty || isDomain(value.lowercased()) ? value.lowercased() : nil
        case .address: return value.isEmpty || emailDomain(value.lowercased()) != nil ? value.lowercased() : nil
        }
    }

    /// `90s`, `5m`, `2h`, `5d` in seconds: 1 second to 100 days.
    package static func seconds(_ duration: some StringProtocol) -> Int? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let last = duration.last, let unit = units[last], let count = Int(duration.dropLast()), (1...8_640_000).contains(count),
            count * unit <= 8_640_000
        else { return nil }
        return count * unit
    }

    func integer(in values: [String: String]) -> Int { Int(values[key] ?? fallback) ?? Int(fallback) ?? 0 }

    /// What is no value of its setting, as another tool may have written it, counts as if it were not there.
    static func load(_ db: Database) throws -> [String: String] {
        let rows = try db.all("SELECT key, value FROM setting") { ($0.text(0), $0.text(1)) }
        return Dictionary(uniqueKeysWithValues: rows.compactMap { key, value in named(key)?.normalised(value).map { (key, $0) } })
    }
}

extension MailStore {
    /// A setting's value: what was set, or the fallback. Never waits: the values are kept, and read again when another process writes.
    package func value(_ setting: Setting) -> String { settings.withLock { $0[setting.key] } ?? setting.fallback }

    package func bool(_ setting: Setting) -> Bool { value(setting) == "true" }

    /// Seconds.
    package func durations(_ setting: Setting) -> [Int] { value(setting).split(separator: ",").compactMap(Setting.seconds) }

    package func integer(_ setting: Setting) -> Int { settings.withLock { setting.integer(in: $0) } }

    /// Sets it, or forgets it when `value` is nil. Fails with `.invalid` when the value is not one.
    package func set(_ setting: Setting, to value: String?) async throws(StoreFailure) {
        guard let value else {
            _ = try await writeDirectory { db, _ in try db.run("DELETE FROM setting WHERE key = ?", .text(setting.key)) }
            try await reloadSettings()
            if setting == .legacyMechanisms { try await wipePlainPasswords() }
            return
        }
        guard let stored = setting.normalised(value) else { throw .invalid(setting.key) }
        _ = try await writeDirectory { db, _ in
            try db.run(
                "INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", .text(setting.key), .text(stored))
        }
        try await reloadSettings()
        if setting == .legacyMechanisms { try await wipePlainPasswords() }
    }

    /// All settings with their values, and whether somebody set them.
    package func allSettings() -> [(setting: Setting, value: String, isSet: Bool)] {
        let values = settings.withLock { $0 }
        return Setting.all.map { ($0, values[$0.key] ?? $0.fallback, values[$0.key] != nil) }
    }

    func reloadSettings() async throws(StoreFailure) {
        let values = try await read { try Setting.load($0) }
        settings.withLock { $0 = values }
        log?.setLimit(Setting.segmentSize.integer(in: values))
    }
}

/// ASCII letters folded, everything else as it is: as SQLite's lower() does.
func folded(_ text: String) -> String {
    String(decoding: text.utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
}

/// As the schema's CHECK has it.
func isDomain(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    guard (1...253).contains(bytes.count), bytes.first != 0x2E, bytes.last != 0x2E else { return false }
    return bytes.allSatisfy {
        $0 == 0x2D || $0 == 0x2E || $0 == 0x5F || UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0
    }
}

/// The domain of a folded address that can be a user's: one `@`, no spaces. Nil when it can't.
func emailDomain(_ email: String) -> String? {
    let parts = email.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, (3...320).contains(email.utf8.count), isDomain(String(parts[1])),
        !hasSeparators(email)
    else { return nil }
    return String(parts[1])
}

/// Space, control characters, comma, angle brackets: as the schema's CHECKs have it.
func hasSeparators(_ address: String) -> Bool {
    address.utf8.contains { $0 <= 0x20 || $0 == 0x2C || $0 == 0x3C || $0 == 0x3E || $0 == 0x7F }
}
