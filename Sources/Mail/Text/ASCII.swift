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
        name.withUTF8Buffer { elementsEqual($0, by: { $0.asciiLowercased == $1 }) }
    }
}

extension String {
    /// ASCII letters in lower case; what is not ASCII stays as it is.
    package var asciiLowercased: String {
        if utf8.allSatisfy({ $0 &- 0x41 >= 26 }) { return self }
        return String(decoding: utf8.map(\.asciiLowercased), as: UTF8.self)
    }
}
