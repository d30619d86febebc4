/// A (RFC 1035 §3.4.1): four bytes.
package struct ARecord: ResourceRecord {
    package static let type: UInt16 = 1
    package var bytes: [UInt8]

    package init?(wire: [UInt8]) {
        guard wire.count == 4 else { return nil }
        bytes = wire
    }
}

/// AAAA (RFC 3596 §2.2): sixteen bytes.
package struct AAAARecord: ResourceRecord {
    package static let type: UInt16 = 28
    package var bytes: [UInt8]

    package init?(wire: [UInt8]) {
        guard wire.count == 16 else { return nil }
        bytes = wire
    }
}

/// MX (RFC 1035 §3.3.9).
package struct MXRecord: ResourceRecord {
    package static let type: UInt16 = 15
    package var preference: UInt16
    /// Lower case, without the dot at the end; empty for the root, which is a null MX (RFC 7505) at preference 0.
    package var exchange: String

    package init(preference: UInt16, exchange: String) {
        self.preference = preference
        self.exchange = exchange
    }

    package init?(wire: [UInt8]) {
        guard wire.count >= 3, let name = domainName(wire[2...]) else { return nil }
        self.init(preference: UInt16(wire[0]) << 8 | UInt16(wire[1]), exchange: name)
    }
}

/// TXT (RFC 1035 §3.3.14), its strings joined as RFC 7208 §3.3 and RFC 8461 §3.1 have it.
package struct TXTRecord: ResourceRecord {
    package static let type: UInt16 = 16
    package var bytes: [UInt8]

    package init?(wire: [UInt8]) {
        var bytes: [UInt8] = []
        var rest = wire[...]
        while let length = rest.popFirst() {
            guard rest.count >= Int(length) else { return nil }
            bytes += rest.prefix(Int(length))
            rest = rest.dropFirst(Int(length))
        }
        self.bytes = bytes
    }
}

/// PTR (RFC 1035 §3.3.12).
package struct PTRRecord: ResourceRecord {
    package static let type: UInt16 = 12
    package var name: String

    package init?(wire: [UInt8]) {
        guard let name = domainName(wire[...]) else { return nil }
        self.name = name
    }
}

/// CNAME (RFC 1035 §3.3.1) asked for by itself, not followed.
package struct CNAMERecord: ResourceRecord {
    package static let type: UInt16 = 5
    package var name: String

    package init(name: String) { self.name = name }

    package init?(wire: [UInt8]) {
        guard let name = domainName(wire[...]) else { return nil }
        self.init(name: name)
    }
}

/// TLSA (RFC 6698 §2.1).
package struct TLSARecord: ResourceRecord {
    package static let type: UInt16 = 52
    package var usage: UInt8
    package var selector: UInt8
    package var matchingType: UInt8
    package var data: [UInt8]

    package init(usage: UInt8, selector: UInt8, matchingType: UInt8, data: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matchingType = matchingType
        self.data = data
    }

    package init?(wire: [UInt8]) {
        guard wire.count > 3 else { return nil }
        self.init(usage: wire[0], selector: wire[1], matchingType: wire[2], data: Array(wire[3...]))
    }
}

/// A name on the wire (RFC 1035 §3.1), uncompressed, as text in lower case without the last dot. A dot within a label, or a byte that a
/// mail server's name can't have, becomes `\ddd` (RFC 4343 §2.1). Nil when it is not whole.
func domainName(_ wire: ArraySlice<UInt8>) -> String? {
    var labels: [String] = []
    var rest = wire
    var length = 0
    while let size = rest.popFirst() {
        if size == 0 { return rest.isEmpty ? labels.joined(separator: ".") : nil }
        length += Int(size) + 1
        guard size < 64, length < 255, rest.count >= Int(size) else { return nil }
        labels.append(rest.prefix(Int(size)).reduce(into: "") { $0 += text($1) })
        rest = rest.dropFirst(Int(size))
    }
    return nil
}

private func text(_ byte: UInt8) -> String {
    let isPlain = byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ".") && byte != UInt8(ascii: "\\")
    guard isPlain else {
        let digits = String(byte)
        return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
    }
    return String(UnicodeScalar(UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte))
}
