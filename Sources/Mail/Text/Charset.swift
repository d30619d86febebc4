internal import Glibc

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
        switch Converter(label) {
        case .unknown: false
        case .utf8, .windows1252: true
        case .iconv(let name): Iconv(name) != nil
        }
    }

    /// Appends UTF-8 (a label of UTF-8 hands on ill-formed bytes; `String(decoding:)` repairs them).
    static func decode(_ bytes: ArraySlice<UInt8>, named label: String, into output: inout [UInt8]) {
        switch Converter(label) {
        case .utf8: output += bytes
        case .windows1252: Windows1252.decode(bytes, into: &output)
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

    private static func decodeUnlabelled(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        if String(validating: bytes, as: UTF8.self) != nil { output += bytes } else { Windows1252.decode(bytes, into: &output) }
    }
}

/// Who converts what a label names.
private enum Converter {
    case utf8
    case windows1252
    case iconv(String)
    case unknown

    init(_ label: String) {
        var name: [UInt8] = []
        for byte in label.utf8 where !byte.isFoldingWhitespace && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "'") {
            // glibc reads `/` as the beginning of options, and the rest is no part of any name.
            guard name.count < Charset.nameLimit,
                byte.isASCIILetter || byte.isASCIIDigit || "-_.:+()".utf8.contains(byte)
            else {
                self = .unknown
                return
            }
            name.append(byte.asciiLowercased)
        }
        let folded = String(decoding: name, as: UTF8.self)
        switch folded {
        case "utf-8", "utf8", "unicode-1-1-utf-8", "utf-8n", "x-utf8", "utf_8", "utf8mb4", "cp65001": self = .utf8
        case "us-ascii", "ascii", "ansi_x3.4-1968", "ansi_x3.4-1986", "iso_646.irv:1991", "iso646-us", "us", "646",
            "iso-8859-1", "iso8859-1", "iso_8859-1", "iso_8859-1:1987", "iso88591", "latin1", "latin-1", "l1", "cp819", "ibm819",
            "windows-1252", "cp1252", "cp-1252", "win-1252", "win1252", "x-cp1252", "windows1252", "x-ansi", "ansi":
            self = .windows1252
        case "", "unknown-8bit", "x-unknown", "unknown", "default", "none", "8bit", "binary", "x-user-defined",
            // Names of glibc's that mean the machine's own memory or locale.
            "char", "wchar_t", "internal":
            self = .unknown
        default: self = Self.isRefused(folded) ? .unknown : .iconv(Self.aliases[folded] ?? Self.spelled(folded))
        }
    }

    /// Stateful EBCDIC of mainframes: never met in mail, and the part of glibc where bytes from outside have run into assertions.
    private static func isRefused(_ name: String) -> Bool {
        let digits = name.utf8.filter(\.isASCIIDigit)
        let number = String(decoding: digits, as: UTF8.self)
        let hosts = ["930", "933", "935", "937", "939", "1364", "1371", "1388", "1390", "1399", "16684"]
        return hosts.contains(number) && !name.utf8.starts(with: "iso".utf8)
    }

    private static func spelled(_ name: String) -> String {
        var text = name
        for (found, meant) in [("x-windows-", "windows-"), ("x-cp", "cp"), ("win-", "windows-"), ("cp-", "cp"), ("x-mac-", "mac")]
        where text.utf8.starts(with: found.utf8) {
            text = meant + text.dropFirst(found.count)
        }
        return text.uppercased()
    }

    private static let aliases: [String: String] = [
        "iso-8859-9": "CP1254", "latin5": "CP1254", "iso-8859-11": "CP874", "tis-620": "CP874", "windows-874": "CP874",
        "iso-8859-8-i": "ISO-8859-8", "iso-8859-8-e": "ISO-8859-8", "iso-8859-6-i": "ISO-8859-6", "iso-8859-6-e": "ISO-8859-6",
        "gb2312": "GB18030", "gb_2312-80": "GB18030", "gbk": "GB18030", "x-gbk": "GB18030", "cp936": "GB18030", "windows-936": "GB18030",
        "ms936": "GB18030", "euc-cn": "GB18030", "x-euc-cn": "GB18030", "hz": "HZ", "hz-gb-2312": "HZ", "gb2312_charset": "GB18030",
        "big5": "BIG5-HKSCS", "x-x-big5": "BIG5-HKSCS", "cn-big5": "BIG5-HKSCS", "x-big5": "BIG5-HKSCS", "big5-hkscs": "BIG5-HKSCS",
        "windows-950": "BIG5-HKSCS",
        "ks_c_5601-1987": "CP949", "ks_c_5601-1989": "CP949", "ks_c_5601": "CP949", "ksc_5601": "CP949", "ksc5601": "CP949",
        "euc-kr": "CP949", "x-windows-949": "CP949", "windows-949": "CP949", "korean": "CP949", "5601": "CP949",
        "shift_jis": "CP932", "shift-jis": "CP932", "sjis": "CP932", "x-sjis": "CP932", "ms_kanji": "CP932", "windows-31j": "CP932",
        "x-ms-cp932": "CP932", "ms932": "CP932", "cp932": "CP932", "euc-jp": "EUC-JP-MS", "x-euc-jp": "EUC-JP-MS",
        "iso-2022-jp": "ISO-2022-JP-3", "iso-2022-jp-ms": "ISO-2022-JP-3", "csiso2022jp": "ISO-2022-JP-3", "cp50220": "ISO-2022-JP-3",
        "utf7": "UTF-7", "unicode-1-1-utf-7": "UTF-7", "x-unicode-2-0-utf-7": "UTF-7", "utf16": "UTF-16", "utf32": "UTF-32",
        "unicode": "UTF-16", "ucs-2": "UTF-16", "iso-10646-ucs-2": "UTF-16",
        "macintosh": "MACINTOSH", "x-mac-roman": "MACINTOSH", "macroman": "MACINTOSH", "x-mac-cyrillic": "MAC-CYRILLIC",
        "koi8": "KOI8-R", "koi": "KOI8-R", "koi8_r": "KOI8-R", "dos-866": "CP866", "ibm866": "CP866",
    ]
}

/// The code page behind most mail that is not UTF-8.
private enum Windows1252 {
    /// 0x80 … 0x9F. The five without a meaning stay control characters, as WHATWG has it.
    private static let upper: [UInt16] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
        0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
    ]

    static func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        if bytes.allSatisfy({ $0 < 0x80 }) {
            output += bytes
            return
        }
        output.reserveCapacity(output.count + bytes.count + bytes.count / 4)
        for byte in bytes {
            if byte < 0x80 {
                output.append(byte)
                continue
            }
            let scalar = byte < 0xA0 ? upper[Int(byte - 0x80)] : UInt16(byte)
            if scalar < 0x800 {
                output.append(0xC0 | UInt8(scalar >> 6))
            } else {
                output.append(0xE0 | UInt8(scalar >> 12))
                output.append(0x80 | UInt8(scalar >> 6 & 0x3F))
            }
            output.append(0x80 | UInt8(scalar & 0x3F))
        }
    }
}

/// One conversion descriptor to UTF-8: opened for a call and closed behind it, so that no two threads ever share one.
private struct Iconv: ~Copyable {
    private let descriptor: iconv_t

    init?(_ name: String) {
        // iconv_open says (iconv_t)-1 for a name that it does not know.
        guard let opened = iconv_open("UTF-8", name), Int(bitPattern: opened) != -1 else { return nil }
        descriptor = opened
    }

    deinit { iconv_close(descriptor) }

    func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        var input = Array(bytes)
        var chunk = [CChar](repeating: 0, count: min(max(bytes.count * 2, 64), 16_384))
        input.withUnsafeMutableBytes { source in
            var from = source.baseAddress?.assumingMemoryBound(to: CChar.self)
            var left = source.count
            // The last round, without input, flushes what the converter holds back.
            var isFlushing = false
            while true {
                let (result, code) = chunk.withUnsafeMutableBytes { target -> (Int, CInt) in
                    var to = target.baseAddress?.assumingMemoryBound(to: CChar.self)
                    var room = target.count
                    let status = isFlushing ? iconv(descriptor, nil, nil, &to, &room) : iconv(descriptor, &from, &left, &to, &room)
                    let code = errno
                    output.append(contentsOf: target.prefix(target.count - room))
                    return (status, code)
                }
                if result != -1 {
                    if isFlushing { return }
                    isFlushing = true
                } else if code == E2BIG {
                    continue
                } else {
                    output += [0xEF, 0xBF, 0xBD]
                    // EINVAL: the bytes end within a character. Otherwise a byte that begins none.
                    guard !isFlushing, code == EILSEQ, left > 0 else { return }
                    from = from?.advanced(by: 1)
                    left -= 1
                }
            }
        }
    }
}
