/// Who converts what a label names.
enum CharsetConverter {
    case utf8
    case windows1252
    case hz
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
        case "hz", "hz-gb-2312", "x-hz": self = .hz
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
        "ms936": "GB18030", "euc-cn": "GB18030", "x-euc-cn": "GB18030", "gb2312_charset": "GB18030",
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
