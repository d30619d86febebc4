import Mail

/// The TXT record that says a domain has a policy (RFC 8461 §3.1).
package struct STSRecord: Sendable, Hashable {
    /// Changes with the policy.
    package var id: String

    /// Of all TXT records at `_mta-sts.DOMAIN`. Nil when there isn't exactly one that is meant, or it is malformed.
    package init?(records: [[UInt8]]) {
        // RFC 8461 §3.1: those that don't begin so are discarded, and exactly one must remain.
        let meant = records.filter { $0.starts(with: "v=STSv1".utf8) && Self.endsVersion($0.dropFirst(7)) }
        guard meant.count == 1, let record = meant.first, record.count <= 1_000 else { return nil }
        var id: String?
        var fields = record.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map(\.trimmed)
        // One delimiter may stand at the end.
        if fields.last?.isEmpty == true { fields.removeLast() }
        for field in fields.dropFirst() {
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")), Self.isName(field[..<equals]), Self.isValue(field[(equals + 1)...])
            else { return nil }
            guard field[..<equals].elementsEqual("id".utf8) else { continue }
            let value = field[(equals + 1)...]
            guard id == nil, value.count <= 32, value.allSatisfy(Self.isAlphanumeric) else { return nil }
            id = String(decoding: value, as: UTF8.self)
        }
        guard let id else { return nil }
        self.id = id
    }

    private static func endsVersion(_ rest: ArraySlice<UInt8>) -> Bool {
        rest.first { !isBlank($0) }.map { $0 == UInt8(ascii: ";") } ?? true
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    private static func isName(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, name.count <= 32 else { return false }
        return isAlphanumeric(first)
            && name.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    /// Printable, without `;` (cut already) and `=`.
    private static func isValue(_ value: ArraySlice<UInt8>) -> Bool {
        !value.isEmpty && value.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "=") }
    }
}
