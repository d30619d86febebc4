/// What protocol text is made of. Only the 26 ASCII letters have case here (RFC 5321 §2.3.11 and RFC 3501 §9 fold nothing else).
extension UInt8 {
    /// A letter of A to Z as a letter of a to z, anything else as it is.
    package var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    package var isASCIIDigit: Bool { self &- 0x30 < 10 }

    package var isASCIILetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// Space, tab, CR or LF: what folding white space is made of (RFC 5322 §3.2.2).
    var isFoldingWhitespace: Bool { self == 0x20 || self == 0x09 || self == 0x0D || self == 0x0A }

    /// The value of a hexadecimal digit of either case.
    var hexDigitValue: UInt8? {
        if isASCIIDigit { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : nil
    }
}

extension Sequence<UInt8> {
    /// Whether the bytes spell `name`, which is in lower case, in any ASCII case.
    package func isCaseInsensitivelyEqual(toLowercase name: StaticString) -> Bool {
        name.withUTF8Buffer { name in
            // Over the bytes themselves: element by element through a generic sequence, names were a fifth of a walk through a message.
            withContiguousStorageIfAvailable { bytes in
                guard bytes.count == name.count else { return false }
                for index in name.indices where bytes[index].asciiLowercased != name[index] { return false }
                return true
            } ?? elementsEqual(name, by: { $0.asciiLowercased == $1 })
        }
    }
}

extension String {
    /// ASCII letters in lower case; what is not ASCII stays as it is.
    package var asciiLowercased: String {
        if utf8.allSatisfy({ $0 &- 0x41 >= 26 }) { return self }
        return String(decoding: utf8.map(\.asciiLowercased), as: UTF8.self)
    }

    /// Without the ASCII white space at both ends.
    package var trimmed: String {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        guard let first = utf8.firstIndex(where: { !isSpace($0) }), let last = utf8.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(self[first...last])
    }
}

extension ArraySlice<UInt8> {
    /// Without the spaces and tabs at both ends.
    package var trimmed: ArraySlice<UInt8> {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else { return prefix(0) }
        return self[first...last]
    }
}
