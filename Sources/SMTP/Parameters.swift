/// One ESMTP parameter (RFC 5321 §4.1.2 `esmtp-param`).
private struct Parameter {
    let keyword: ArraySlice<UInt8>
    let value: ArraySlice<UInt8>?

    init(_ text: ArraySlice<UInt8>) throws(SyntaxRefusal) {
        let equals = text.firstIndex(of: UInt8(ascii: "="))
        keyword = text[..<(equals ?? text.endIndex)]
        value = equals.map { text[($0 + 1)...] }
        let isKeyword = keyword.enumerated().allSatisfy { place, byte in
            byte.isDigit || (0x41...0x5A).contains(byte.capital) || (place > 0 && byte == UInt8(ascii: "-"))
        }
        guard isKeyword, !keyword.isEmpty, value?.isEmpty != true, value?.contains(UInt8(ascii: "=")) != true else {
            throw malformed(text)
        }
    }
}

private func malformed(_ text: ArraySlice<UInt8>) -> SyntaxRefusal {
    SyntaxRefusal(Reply(501, "5.5.4", "Malformed parameter"), "malformed parameter: \(String(decoding: text.prefix(200), as: UTF8.self))")
}

/// RFC 5321 §4.1.1.11: 555 for a parameter that is not recognised or not implemented.
private func unknown(_ text: ArraySlice<UInt8>) -> SyntaxRefusal {
    SyntaxRefusal(
        Reply(555, "5.5.4", "Unsupported parameter"), "unsupported parameter: \(String(decoding: text.prefix(200), as: UTF8.self))")
}

/// Which parameters have come: each may come once.
private struct Seen {
    private var bits: UInt8 = 0

    mutating func mark(_ bit: UInt8, _ text: ArraySlice<UInt8>) throws(SyntaxRefusal) {
        // RFC 1869 §6.1 and RFC 3461 §4: once.
        guard bits & (1 << bit) == 0 else {
            throw SyntaxRefusal(
                Reply(501, "5.5.4", "Duplicate parameter"), "duplicate parameter: \(String(decoding: text.prefix(200), as: UTF8.self))")
        }
        bits |= 1 << bit
    }
}

extension MailParameters {
    init(parsing text: ArraySlice<UInt8>, offered: Configuration.Extensions) throws(SyntaxRefusal) {
        self.init()
        var seen = Seen()
        for piece in text.split(whereSeparator: { $0.isWhiteSpace }) {
            let parameter = try Parameter(piece)
            let keyword = parameter.keyword
            if keyword.isWord("SIZE"), offered.contains(.size) {
                try seen.mark(0, piece)
                // RFC 1870 §3: 1 to 20 digits.
                guard let value = parameter.value, value.count <= 20, let size = value.decimal else { throw malformed(piece) }
                self.size = size
            } else if keyword.isWord("BODY"), offered.contains(.eightBitMIME) {
                try seen.mark(1, piece)
                guard let value = parameter.value else { throw malformed(piece) }
                // RFC 6152 §2. BINARYMIME (RFC 3030 §3) is not announced.
                if value.isWord("7BIT") {
                    body = .sevenBit
                } else if value.isWord("8BITMIME") {
                    body = .eightBitMIME
                } else {
                    throw malformed(piece)
                }
            } else if keyword.isWord("SMTPUTF8"), offered.contains(.smtpUTF8) {
                try seen.mark(2, piece)
                // RFC 6531 §3.4: it takes no value.
                guard parameter.value == nil else { throw malformed(piece) }
                smtpUTF8 = true
            } else if keyword.isWord("RET"), offered.contains(.dsn) {
                try seen.mark(3, piece)
                // RFC 3461 §4.3.
                guard let value = parameter.value else { throw malformed(piece) }
                if value.isWord("FULL") {
                    ret = .full
                } else if value.isWord("HDRS") {
                    ret = .headers
                } else {
                    throw malformed(piece)
                }
            } else if keyword.isWord("ENVID"), offered.contains(.dsn) {
                try seen.mark(4, piece)
                // RFC 3461 §4.4: xtext of at most 100 characters.
                guard let value = parameter.value, value.count <= 100, let decoded = XText.decode(value) else { throw malformed(piece) }
                envelopeID = decoded
            } else if keyword.isWord("AUTH") {
                try seen.mark(5, piece)
                // RFC 4954 §5: kept, and not believed.
                guard let value = parameter.value, let submitter = value.elementsEqual("<>".utf8) ? "" : XText.decode(value) else {
                    throw malformed(piece)
                }
                self.submitter = submitter
            } else if keyword.isWord("REQUIRETLS"), offered.contains(.requireTLS) {
                try seen.mark(6, piece)
                // RFC 8689 §2: it takes no value.
                guard parameter.value == nil else { throw malformed(piece) }
                requiresTLS = true
            } else if keyword.isWord("HOLDFOR"), offered.contains(.futureRelease) {
                // RFC 4865 §4: one of HOLDFOR and HOLDUNTIL.
                try seen.mark(7, piece)
                guard let value = parameter.value, value.count <= 9, let seconds = value.decimal else { throw malformed(piece) }
                hold = .forSeconds(seconds)
            } else if keyword.isWord("HOLDUNTIL"), offered.contains(.futureRelease) {
                try seen.mark(7, piece)
                guard let value = parameter.value, let seconds = ReleaseTime.seconds(parsing: value) else { throw malformed(piece) }
                hold = .until(seconds)
            } else {
                throw unknown(piece)
            }
        }
    }
}

extension RecipientParameters {
    init(parsing text: ArraySlice<UInt8>, offered: Configuration.Extensions) throws(SyntaxRefusal) {
        self.init()
        var seen = Seen()
        for piece in text.split(whereSeparator: { $0.isWhiteSpace }) {
            let parameter = try Parameter(piece)
            if parameter.keyword.isWord("NOTIFY"), offered.contains(.dsn) {
                try seen.mark(0, piece)
                guard let value = parameter.value, let notify = Notify(parsing: value) else { throw malformed(piece) }
                self.notify = notify
            } else if parameter.keyword.isWord("ORCPT"), offered.contains(.dsn) {
                try seen.mark(1, piece)
                // RFC 3461 §4.2: at most 500 characters.
                guard let value = parameter.value, value.count <= 500, let original = Original(parsing: value) else {
                    throw malformed(piece)
                }
                self.original = original
            } else {
                throw unknown(piece)
            }
        }
    }
}

extension RecipientParameters.Notify {
    /// RFC 3461 §4.1: NEVER alone, or a list of the others.
    init?(parsing text: ArraySlice<UInt8>) {
        if text.isWord("NEVER") {
            self = .never
            return
        }
        self = []
        for word in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            if word.isWord("SUCCESS") {
                insert(.success)
            } else if word.isWord("FAILURE") {
                insert(.failure)
            } else if word.isWord("DELAY") {
                insert(.delay)
            } else {
                return nil
            }
        }
    }
}

extension RecipientParameters.Original {
    /// RFC 3461 §4.2: an address type, a semicolon, xtext.
    init?(parsing text: ArraySlice<UInt8>) {
        guard let semicolon = text.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let type = text[..<semicolon]
        guard !type.isEmpty, type.allSatisfy({ $0.isDigit || (0x41...0x5A).contains($0.capital) || $0 == UInt8(ascii: "-") }) else {
            return nil
        }
        let value = text[(semicolon + 1)...]
        // RFC 6533 §3: the type utf-8 has escapes of its own.
        guard !value.isEmpty, let address = type.isWord("UTF-8") ? XText.decodeUTF8Address(value) : XText.decode(value) else { return nil }
        self.init(type: String(decoding: type.map { $0.capital | ($0.isDigit || $0 == 0x2D ? 0 : 0x20) }, as: UTF8.self), address: address)
    }
}
