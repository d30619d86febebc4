/// A name that can be asked for: ASCII, in lower case, without the dot at the end.
struct QueryName: Sendable, Hashable {
    let text: String

    /// Nil when no such name can exist.
    init?(_ name: String) {
        var bytes = Array(name.utf8)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        // RFC 1035 §2.3.4: 255 octets with the length octets, the root's included.
        guard (1...253).contains(bytes.count), bytes.allSatisfy(Self.isPlain) else { return nil }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy({ (1...63).contains($0.count) }) else { return nil }
        text = String(decoding: bytes.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// What names of hosts, services and delegated reverse zones (RFC 2317 §4) are made of: nothing that libunbound reads as an escape.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "."): true
        default: false
        }
    }
}
