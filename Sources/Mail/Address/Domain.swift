internal import CIDN2

/// What stands behind the `@`: a name, or an address literal (RFC 5321 §4.1.2, §4.1.3). Equal when `ascii` is.
package enum Domain: Sendable {
    /// As it was given, in any case, with U-labels or A-labels, without a final dot.
    case name(String)
    case literal(IPAddress)
    /// RFC 5321 §4.1.3 `General-address-literal`.
    case generalLiteral(tag: String, String)

    // RFC 5321 §4.5.3.1.2: 255 octets.
    package static let lengthLimit = 255
    // RFC 1035 §2.3.4: 63 octets.
    package static let labelLimit = 63

    /// Reads RFC 5321's `Domain` or `address-literal`; `allowUTF8` adds the U-labels of RFC 6531 §3.3.
    package init(parsing bytes: ArraySlice<UInt8>, allowUTF8: Bool) throws(AddressError) {
        guard let first = bytes.first else { throw .missingDomain }
        guard bytes.count <= Self.lengthLimit else { throw .domainTooLong }
        if first == UInt8(ascii: "[") {
            self = try Self.parseLiteral(bytes)
            return
        }
        var name = bytes
        // RFC 5321 has no final dot; Postfix takes one off (trivial-rewrite), and so does this.
        if name.last == UInt8(ascii: "."), name.count > 1 { name.removeLast() }
        let isASCII = name.allSatisfy { $0 < 0x80 }
        guard Self.areLabels(name) else { throw .invalidDomain }
        if isASCII {
            self = .name(String(decoding: name, as: UTF8.self))
            return
        }
        guard allowUTF8 else { throw .nonASCII }
        guard let text = String(validating: name, as: UTF8.self) else { throw .invalidUTF8 }
        guard let aLabels = Self.aLabels(of: text) else { throw .invalidDomain }
        guard aLabels.utf8.count <= Self.lengthLimit else { throw .domainTooLong }
        self = .name(text)
    }

    package init(parsing text: String, allowUTF8: Bool) throws(AddressError) {
        try self.init(parsing: Array(text.utf8)[...], allowUTF8: allowUTF8)
    }

    /// The form to compare and look up: A-labels in lower case, or the literal in brackets in its shortest form.
    package var ascii: String {
        switch self {
        case .name(let name):
            if name.utf8.allSatisfy({ $0 < 0x80 }) { return name.asciiLowercased }
            return Self.aLabels(of: name) ?? name.asciiLowercased
        case .literal(let address): return address.isIPv4 ? "[\(address)]" : "[IPv6:\(address)]"
        case .generalLiteral(let tag, let content): return "[\(tag.asciiLowercased):\(content)]"
        }
    }

    /// For people: with U-labels where there are some.
    package var unicode: String {
        guard case .name(let name) = self, name.utf8.allSatisfy({ $0 < 0x80 }) else { return description }
        guard name.asciiLowercased.utf8.split(separator: UInt8(ascii: ".")).contains(where: { $0.starts(with: "xn--".utf8) }) else {
            return name
        }
        var output: UnsafeMutablePointer<CChar>?
        guard idn2_to_unicode_8z8z(name.asciiLowercased, &output, 0) == 0, let output else { return name }
        defer { idn2_free(output) }
        return String(cString: output)
    }

    /// RFC 5321 §4.1.2 `sub-domain`s with dots between them; bytes beyond ASCII pass, in labels whose A-label is yet to be measured.
    private static func areLabels(_ name: ArraySlice<UInt8>) -> Bool {
        name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.first, let last = label.last, first != UInt8(ascii: "-"), last != UInt8(ascii: "-") else {
                return false
            }
            let isASCII = label.allSatisfy { $0 < 0x80 }
            if isASCII, label.count > labelLimit { return false }
            return label.allSatisfy { $0 >= 0x80 || $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "-") }
        }
    }

    private static func parseLiteral(_ bytes: ArraySlice<UInt8>) throws(AddressError) -> Domain {
        guard bytes.count > 2, bytes.last == UInt8(ascii: "]") else { throw .invalidDomain }
        let content = bytes.dropFirst().dropLast()
        guard content.allSatisfy({ $0 < 0x80 }) else { throw .invalidDomain }
        guard let colon = content.firstIndex(of: UInt8(ascii: ":")) else {
            guard let address = IPAddress(content), address.isIPv4 else { throw .invalidDomain }
            return .literal(address)
        }
        let tag = content[..<colon]
        let rest = content[(colon + 1)...]
        if tag.isCaseInsensitivelyEqual(toLowercase: "ipv6") {
            guard rest.contains(UInt8(ascii: ":")), let address = IPAddress(rest) else { throw .invalidDomain }
            return .literal(address)
        }
        // RFC 5321 §4.1.3: Standardized-tag is an Ldh-str, dcontent is %d33-90 / %d94-126.
        guard let last = tag.last, last.isASCIIDigit || last.isASCIILetter,
            tag.allSatisfy({ $0.isASCIIDigit || $0.isASCIILetter || $0 == UInt8(ascii: "-") }),
            !rest.isEmpty, rest.allSatisfy({ (33...90).contains($0) || (94...126).contains($0) })
        else { throw .invalidDomain }
        return .generalLiteral(tag: String(decoding: tag, as: UTF8.self), String(decoding: rest, as: UTF8.self))
    }

    /// RFC 5891 §5, with the mapping of UTS 46 (non-transitional). Nil when the name can't be looked up.
    private static func aLabels(of name: String) -> String? {
        var output: UnsafeMutablePointer<UInt8>?
        let flags = CInt(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
        guard idn2_lookup_u8(Array(name.utf8) + [0], &output, flags) == 0, let output else { return nil }
        defer { idn2_free(output) }
        var name = String(cString: output)
        // The mapping makes dots of ideographic full stops, and may make anything of what looks like it (fullwidth @ and /).
        if name.utf8.last == UInt8(ascii: ".") { name.removeLast() }
        guard name.utf8.allSatisfy({ $0 < 0x80 }), areLabels(Array(name.utf8)[...]) else { return nil }
        return name
    }
}

extension Domain: Hashable {
    package static func == (left: Domain, right: Domain) -> Bool { left.ascii == right.ascii }
    package func hash(into hasher: inout Hasher) { hasher.combine(ascii) }
}

extension Domain: CustomStringConvertible {
    package var description: String {
        if case .name(let name) = self { name } else { ascii }
    }
}
