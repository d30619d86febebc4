/// What IMAP's strings look like on the wire (RFC 3501 §4.3, §9).
extension [UInt8] {
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func appendDecimal(_ number: Int) {
        if number < 10 {
            append(48 + UInt8(truncatingIfNeeded: number))
            return
        }
        var digits: UInt64 = UInt64(number)
        let start = count
        while digits > 0 {
            append(48 + UInt8(truncatingIfNeeded: digits % 10))
            digits /= 10
        }
        self[start...].reverse()
    }

    /// A quoted string, or a literal for what cannot be quoted: CR, LF, 8-bit, and what is longer than
    /// `MessageLimits.quotedString`. NUL, which neither form may hold, becomes `?`.
    mutating func appendString(_ bytes: UnsafeBufferPointer<UInt8>) {
        var isQuotable = bytes.count <= MessageLimits.quotedString
        var needsEscape = false
        for byte in bytes {
            if byte >= 0x80 || byte == .carriageReturn || byte == .lineFeed { isQuotable = false }
            if byte == 0 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { needsEscape = true }
        }
        guard isQuotable else {
            append(UInt8(ascii: "{"))
            appendDecimal(bytes.count)
            append("}\r\n")
            append(contentsOf: bytes.lazy.map { $0 == 0 ? UInt8(ascii: "?") : $0 })
            return
        }
        append(UInt8(ascii: "\""))
        if needsEscape {
            for byte in bytes {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { append(UInt8(ascii: "\\")) }
                append(byte == 0 ? UInt8(ascii: "?") : byte)
            }
        } else {
            append(contentsOf: bytes)
        }
        append(UInt8(ascii: "\""))
    }

    mutating func appendString(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { appendString($0) }
    }

    mutating func appendNString(_ bytes: [UInt8]?) {
        if let bytes { appendString(bytes) } else { append("NIL") }
    }
}
