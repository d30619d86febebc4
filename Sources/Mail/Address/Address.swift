// Module Mail: what mail is made of, without sockets, clock or database. Addresses, header fields, dates, encoded words, character
// sets, transfer encodings, the MIME tree, and the values that a mailbox is described with.
//
// Two ways of reading live side by side. What a peer says in an envelope (`Address`, `Domain`) is read strictly and refused with a
// reason. What a message contains (`AddressList`, `MailDate`, `EncodedWord`, the decoders) is read as mail readers do: it never
// fails, never traps, takes linear time and bounded memory on any bytes, and each limit has a name.

/// One mailbox (RFC 5321 §4.1.2, RFC 6531 §3.3). Quotes and quoted-pairs of the local part are undone, so `"usuario"@x` equals
/// `usuario@x`; domains are equal when their A-labels are.
package struct Address: Hashable, Sendable {
    // RFC 5321 §4.5.3.1.1: at least 64 octets.
    package static let localPartLimit = 64
    // RFC 5321 §4.5.3.1: limits beyond the least are welcome; senders that put the recipient into a bounce address need more than 64.
    package static let generatedLocalPartLimit = 128
    // RFC 5321 §4.5.3.1.3: 256 octets, the angle brackets included.
    package static let pathLimit = 256

    /// Not empty after parsing; without quotes. With non-ASCII characters only where the parse allowed them.
    package var localPart: String
    package var domain: Domain

    package init(localPart: String, domain: Domain) {
        self.localPart = localPart
        self.domain = domain
    }

    /// Reads the strict `Mailbox` of RFC 5321 §4.1.2: no angle brackets, no comments, no white space around.
    /// `allowUTF8` adds RFC 6531 §3.3. `localPartLimit` counts octets as written, quotes included.
    package init(
        parsing bytes: ArraySlice<UInt8>, allowUTF8: Bool, localPartLimit: Int = Address.localPartLimit
    ) throws(AddressError) {
        guard bytes.count <= Self.pathLimit - 2 else { throw .tooLong }
        let (localPart, end) = try LocalPart.parse(bytes, allowUTF8: allowUTF8)
        guard end < bytes.endIndex, bytes[end] == UInt8(ascii: "@") else {
            throw end == bytes.endIndex ? .missingDomain : .invalidLocalPart
        }
        guard end - bytes.startIndex <= localPartLimit else { throw .localPartTooLong }
        self.domain = try Domain(parsing: bytes[(end + 1)...], allowUTF8: allowUTF8)
        self.localPart = localPart
    }

    package init(parsing text: String, allowUTF8: Bool, localPartLimit: Int = Address.localPartLimit) throws(AddressError) {
        try self.init(parsing: Array(text.utf8)[...], allowUTF8: allowUTF8, localPartLimit: localPartLimit)
    }

    /// What tables are looked up with: the local part with its ASCII letters in lower case, `@`, the domain's A-label.
    /// Non-ASCII characters of the local part are neither folded nor normalised: RFC 6531 §3.3 leaves their meaning to the host that
    /// owns them, and a key must come out the same in SQL, whose `lower()` folds ASCII only.
    package var key: String { localPart.asciiLowercased + "@" + domain.ascii }

    /// Whether SMTPUTF8 is needed to say this address: the domain has an A-label, the local part has not (RFC 6531 §3.2).
    package var needsSMTPUTF8: Bool { !localPart.utf8.allSatisfy { $0 < 0x80 } }

    /// The local part without its tag, as Postfix's `recipient_delimiter` cuts it: at the first character that is one of
    /// `separator`'s, never before the first one. The tag may be empty (`user+`). Nil: there is none.
    package func splitTag(separator: String) -> (local: String, tag: String?) {
        let folded = localPart.asciiLowercased
        // Postfix, split_addr(3): these names are never cut, whatever the separator.
        if folded == "postmaster" || folded == "mailer-daemon" || folded == "double-bounce" { return (localPart, nil) }
        if separator.utf8.contains(UInt8(ascii: "-")) {
            // owner_request_special: owner-list and list-request belong to the list.
            if folded.utf8.starts(with: "owner-".utf8) { return (localPart, nil) }
            if folded.utf8.count > 8, folded.utf8.suffix(8).elementsEqual("-request".utf8) { return (localPart, nil) }
        }
        let scalars = localPart.unicodeScalars
        guard let cut = scalars.firstIndex(where: { separator.unicodeScalars.contains($0) }), cut > scalars.startIndex else {
            return (localPart, nil)
        }
        return (String(scalars[..<cut]), String(scalars[scalars.index(after: cut)...]))
    }
}

extension Address: CustomStringConvertible {
    /// As RFC 5321 writes it: the local part quoted where it must be, the domain as it was given.
    package var description: String { LocalPart.format(localPart) + "@" + domain.description }
}

/// Why a text is no mailbox.
package enum AddressError: Error, Hashable, Sendable {
    case invalidLocalPart
    case localPartTooLong
    case missingDomain
    case invalidDomain
    case domainTooLong
    /// The whole is longer than a path may be.
    case tooLong
    /// Characters that only SMTPUTF8 allows.
    case nonASCII
    case invalidUTF8
}
