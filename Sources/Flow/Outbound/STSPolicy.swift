import Mail

/// A domain's policy as it publishes it (RFC 8461 §3.2).
package struct STSPolicy: Sendable, Hashable {
    package enum Mode: String, Sendable { case enforce, testing, none }

    /// RFC 8461 §3.3 suggests 64 KB.
    package static let sizeLimit = 65_536
    /// RFC 8461 §3.2: a year.
    package static let longestAge = 31_557_600
    private static let patternLimit = 1_000

    package var mode: Mode
    /// Seconds.
    package var maxAge: Int
    package var patterns: [MXPattern]
    /// Its lines, for reports (RFC 8460 §4.4 policy-string).
    package var lines: [String]

    /// Nil when it is malformed.
    package init?(_ body: [UInt8]) {
        guard body.count <= Self.sizeLimit else { return nil }
        var values: [String: String] = [:]
        var patterns: [MXPattern] = []
        var lines: [String] = []
        for line in Self.lines(body) where !line.trimmed.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            let key = String(decoding: line[..<colon], as: UTF8.self)
            let value = String(decoding: line[(colon + 1)...].trimmed, as: UTF8.self)
            lines.append(String(decoding: line, as: UTF8.self))
            switch key {
            case "mx":
                guard let pattern = MXPattern(value), patterns.count < Self.patternLimit else { return nil }
                patterns.append(pattern)
            case "version", "mode", "max_age":
                // RFC 8461 §3.2: of duplicates the first counts.
                if values[key] == nil { values[key] = value }
            default: break
            }
        }
        guard values["version"] == "STSv1", let mode = values["mode"].flatMap(Mode.init), let age = values["max_age"].flatMap(Self.age),
            mode == .none || !patterns.isEmpty
        else { return nil }
        self.mode = mode
        self.maxAge = age
        self.patterns = patterns
        self.lines = Array(lines.prefix(Self.patternLimit))
    }

    /// RFC 8461 §3.2: one to ten digits.
    private static func age(_ value: String) -> Int? {
        guard (1...10).contains(value.utf8.count), value.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) else {
            return nil
        }
        return Int(value).map { min($0, longestAge) }
    }

    /// RFC 8461 §3.2: they end in LF or CRLF.
    private static func lines(_ body: [UInt8]) -> [ArraySlice<UInt8>] {
        body.split(separator: 0x0A).map { $0.last == 0x0D ? $0.dropLast() : $0 }
    }
}

/// A name of MX hosts in a policy: `mx.example`, or `*.example` for any one label in front.
package struct MXPattern: Sendable, Hashable {
    /// Lower case.
    package let text: String

    package init?(_ text: String) {
        let name = (text.hasPrefix("*.") ? text.dropFirst(2) : text[...]).utf8
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...253).contains(name.count),
            labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(Self.isPlain) })
        else { return nil }
        self.text = text.lowercased()
    }

    /// RFC 8461 §4.1: a `*` stands for exactly the leftmost label, and for nothing less than a whole one.
    package func matches(_ host: String) -> Bool {
        let host = host.lowercased()
        let name = host.hasSuffix(".") ? host.dropLast() : host[...]
        guard text.hasPrefix("*.") else { return name == text }
        guard let dot = name.firstIndex(of: "."), dot > name.startIndex else { return false }
        return name[name.index(after: dot)...] == text.dropFirst(2)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
