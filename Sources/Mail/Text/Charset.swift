/// Character sets to Unicode, as mail readers do it. Never fails: bytes that say nothing become U+FFFD.
///
/// A label is taken for the superset that senders mean by it, as browsers do (WHATWG Encoding): ISO-8859-1 and US-ASCII are
/// windows-1252, ISO-8859-9 windows-1254, GB2312 and GBK GB18030, KS_C_5601-1987 and EUC-KR CP949, Shift_JIS CP932. Without a label,
/// or under an unknown one, bytes are UTF-8 when they are well-formed and windows-1252 otherwise.
package enum Charset {
    /// Longest label that is looked at (RFC 2978 §2.3 allows 40).
    package static let nameLimit = 40

    /// A label is a name of any case, from RFC 2045's charset parameter or an encoded word; white space and quotes are ignored.
    package static func decode(_ bytes: ArraySlice<UInt8>, named label: String) -> String {
        var output: [UInt8] = []
        decode(bytes, named: label, into: &output)
        return String(decoding: output, as: UTF8.self)
    }

    package static func decode(_ bytes: [UInt8], named label: String) -> String {
        decode(bytes[...], named: label)
    }

    /// Without a label: UTF-8 when it is well-formed, otherwise windows-1252.
    package static func decode(_ bytes: ArraySlice<UInt8>) -> String {
        String(validating: bytes, as: UTF8.self) ?? decode(bytes, named: "windows-1252")
    }

    /// Whether `decode` knows the label: what SEARCH's BADCHARSET turns on (RFC 3501 §6.4.4).
    package static func isKnown(_ label: String) -> Bool {
        switch CharsetConverter(label) {
        case .unknown: false
        case .utf8, .windows1252, .hz: true
        case .iconv(let name): Iconv(name) != nil
        }
    }

    /// Appends UTF-8 (a label of UTF-8 hands on ill-formed bytes; `String(decoding:)` repairs them).
    static func decode(_ bytes: ArraySlice<UInt8>, named label: String, into output: inout [UInt8]) {
        switch CharsetConverter(label) {
        case .utf8: output += bytes
        case .windows1252: Windows1252.decode(bytes, into: &output)
        case .hz: Iconv("GB18030")?.decode(HZ.doubleByte(bytes)[...], into: &output)
        case .unknown: decodeUnlabelled(bytes, into: &output)
        case .iconv(var name):
            // RFC 2781 §4.3: without a byte order mark it is big-endian, while glibc takes the machine's order.
            if name == "UTF-16", !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) { name = "UTF-16BE" }
            guard let iconv = Iconv(name) else {
                decodeUnlabelled(bytes, into: &output)
                return
            }
            iconv.decode(bytes, into: &output)
        }
    }

    static func decodeUnlabelled(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        if String(validating: bytes, as: UTF8.self) != nil { output += bytes } else { Windows1252.decode(bytes, into: &output) }
    }
}
