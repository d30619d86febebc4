/// What a domain publishes about its hosts under https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461 §3.2).
package struct STSPolicy: Sendable, Hashable {
    package enum Mode: String, Sendable {
        case enforce, testing, none
    }

    /// Octets that are read at most.
    package static let maximumSize = 65_536
    /// RFC 8461 §3.2: a year, in seconds.
    static let maximumAge = 31_557_600
    /// Patterns that are kept at most.
    static let maximumPatterns = 256

    package var mode: Mode
    /// Host names, lower case; a leading `*.` stands for one label.
    package var patterns: [String]
    /// Seconds.
    package var maximumAge: Int
    /// The lines as they came, for reports (RFC 8460 §4.4 `policy-string`).
    package var lines: [String]

    /// Nil for what is no policy.
    package init?(parsing text: [UInt8]) {
        guard text.count <= Self.maximumSize, let text = String(validating: text, as: UTF8.self) else { return nil }
        var version: String?
        var mode: Mode?
        var age: Int?
        patterns = []
        lines = []
        // RFC 8461 §3.2 asks for CRLF or LF.
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1).map(Self.trimmed)
            guard parts.count == 2 else {
                guard Self.trimmed(line).isEmpty else { return nil }
                continue
            }
            lines.append("\(parts[0]): \(parts[1])")
            switch parts[0] {
            // Of repeated keys but mx the first counts.
            case "version": version = version ?? parts[1]
            case "mode":
                if mode == nil {
                    guard let known = Mode(rawValue: parts[1]) else { return nil }
                    mode = known
                }
            case "max_age":
                if age == nil {
                    guard parts[1].utf8.count <= 10, let seconds = Int(parts[1]), seconds >= 0 else { return nil }
                    age = min(seconds, Self.maximumAge)
                }
            case "mx":
                guard patterns.count < Self.maximumPatterns else { return nil }
                patterns.append(parts[1].lowercased())
            // Unknown keys are ignored.
            default: break
            }
        }
        guard version == "STSv1", let mode, let age, mode == .none || !patterns.isEmpty else { return nil }
        self.mode = mode
        maximumAge = age
    }

    /// RFC 8461 §4.1. `host`: A-labels, lower case.
    package func covers(_ host: String) -> Bool {
        patterns.contains { pattern in
            guard pattern.hasPrefix("*.") else { return pattern == host }
            guard let dot = host.firstIndex(of: "."), dot > host.startIndex else { return false }
            return host[dot...] == pattern.dropFirst()
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
        return String(text)
    }
}

/// The TXT record that says whether there is a policy, and which (RFC 8461 §3.1).
enum STSRecord {
    /// The policy's id when exactly one record is right.
    static func id(in records: [[UInt8]]) -> String? {
        let ours = records.map { String(decoding: $0.prefix(1_024), as: UTF8.self) }.filter { text in
            text.hasPrefix("v=STSv1") && (text.dropFirst(7).first { $0 != " " && $0 != "\t" }) == ";"
        }
        guard ours.count == 1 else { return nil }
        for field in ours[0].split(separator: ";").dropFirst() {
            let parts = field.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " && $0 != "\t" } }
            guard parts.count == 2, parts[0] == "id" else { continue }
            let isID = (1...32).contains(parts[1].utf8.count) && parts[1].utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            }
            return isID ? parts[1] : nil
        }
        return nil
    }
}
