/// RFC 3461 §4 xtext, and the address form of RFC 6533 §3.
package enum XText {
    /// nil for what is no xtext, and for what decodes to anything but printable ASCII and spaces: control characters and
    /// line ends would end up in header fields.
    static func decode(_ text: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"):
                guard rest.count >= 2, let value = hexadecimal(rest.prefix(2)), (0x20...0x7E).contains(value) else { return nil }
                bytes.append(UInt8(value))
                rest = rest.dropFirst(2)
            case UInt8(ascii: "="): return nil
            case 0x21...0x7E: bytes.append(byte)
            default: return nil
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `utf-8-addr-xtext` and `utf-8-addr-unitext`: `\x{HEX}` stands for a character, and UTF-8 for itself.
    static func decodeUTF8Address(_ text: ArraySlice<UInt8>) -> String? {
        var result = ""
        var plain: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\") {
                guard rest.hasPrefix(word: "X{"), let close = rest.firstIndex(of: UInt8(ascii: "}")),
                    (3...8).contains(close - rest.startIndex),
                    let value = hexadecimal(rest[(rest.startIndex + 2)..<close]), value >= 0x20, value != 0x7F,
                    let scalar = Unicode.Scalar(value)
                else { return nil }
                result += String(decoding: plain, as: UTF8.self)
                plain.removeAll()
                result.unicodeScalars.append(scalar)
                rest = rest[(close + 1)...]
            } else if byte == UInt8(ascii: "=") || byte < 0x21 || byte == 0x7F {
                return nil
            } else {
                plain.append(byte)
            }
        }
        return result + String(decoding: plain, as: UTF8.self)
    }

    /// What is no xchar becomes `+` and two digits (RFC 3461 §4).
    static func encode(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "+"), byte != UInt8(ascii: "=") {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += (byte < 16 ? "+0" : "+") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }

    /// `utf-8-addr-unitext`, or with `asciiOnly` `utf-8-addr-xtext` (RFC 6533 §3).
    package static func encodeUTF8Address(_ text: String, asciiOnly: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\", "+", "=", "\u{0}"..."\u{20}", "\u{7F}"..."\u{9F}":
                result += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
            case "\u{80}"... where asciiOnly: result += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        guard !digits.isEmpty, digits.count <= 6 else { return nil }
        for digit in digits {
            switch digit.capital {
            case 0x30...0x39: value = value << 4 | UInt32(digit & 0x0F)
            case let letter where (0x41...0x46).contains(letter): value = value << 4 | UInt32(letter - 0x37)
            default: return nil
            }
        }
        return value
    }
}
