/// The grammar of RFC 5321's `Local-part`, both ways.
enum LocalPart {
    /// Reads a `Dot-string` or a `Quoted-string` from the beginning of `bytes`. Returns it with quoting undone, and where it ends.
    static func parse(_ bytes: ArraySlice<UInt8>, allowUTF8: Bool) throws(AddressError) -> (String, end: Int) {
        guard let first = bytes.first else { throw .invalidLocalPart }
        let (content, end) = first == UInt8(ascii: "\"") ? try quoted(bytes) : try dotString(bytes)
        if !content.allSatisfy({ $0 < 0x80 }) {
            guard allowUTF8 else { throw .nonASCII }
            // RFC 6532 §3.1: well-formed UTF-8 only.
            guard let text = String(validating: content, as: UTF8.self) else { throw .invalidUTF8 }
            return (text, end)
        }
        return (String(decoding: content, as: UTF8.self), end)
    }

    private static func dotString(_ bytes: ArraySlice<UInt8>) throws(AddressError) -> (ArraySlice<UInt8>, end: Int) {
        let end = bytes.firstIndex { !isAtomText($0) && $0 != UInt8(ascii: ".") } ?? bytes.endIndex
        let content = bytes[..<end]
        var previous = UInt8(ascii: ".")
        for byte in content {
            if byte == UInt8(ascii: "."), previous == UInt8(ascii: ".") { throw .invalidLocalPart }
            previous = byte
        }
        if previous == UInt8(ascii: ".") { throw .invalidLocalPart }
        return (content, end)
    }

    private static func quoted(_ bytes: ArraySlice<UInt8>) throws(AddressError) -> (ArraySlice<UInt8>, end: Int) {
        var content: [UInt8] = []
        var index = bytes.startIndex + 1
        while index < bytes.endIndex {
            var byte = bytes[index]
            if byte == UInt8(ascii: "\"") {
                // RFC 5321 §4.1.2 allows "" by its grammar; an empty name reaches nobody.
                guard !content.isEmpty else { throw .invalidLocalPart }
                return (content[...], index + 1)
            }
            if byte == UInt8(ascii: "\\") {
                index += 1
                guard index < bytes.endIndex, bytes[index] < 0x80 else { throw .invalidLocalPart }
                byte = bytes[index]
            }
            // RFC 5321 §4.1.2: %d32-126 only, so no control characters even behind a backslash.
            guard byte >= 0x20, byte != 0x7F else { throw .invalidLocalPart }
            content.append(byte)
            index += 1
        }
        throw .invalidLocalPart
    }

    /// As a `Dot-string` when it is one, otherwise quoted.
    static func format(_ text: String) -> String {
        if let parsed = try? dotString(Array(text.utf8)[...]), parsed.end == text.utf8.count { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    /// RFC 5322 §3.2.3 `atext`, and what RFC 6532 §3.2 adds.
    static func isAtomText(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"): true
        case UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "?"), UInt8(ascii: "^")...UInt8(ascii: "`"): true
        case UInt8(ascii: "{")...UInt8(ascii: "~"): true
        default: byte >= 0x80
        }
    }
}
