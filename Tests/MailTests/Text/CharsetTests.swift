import Mail
import Testing

@Suite struct CharsetTests {
    @Test(
        arguments: [
            ("utf-8", [0xC3, 0xB1], "ñ"), ("UTF8", [0xC3, 0xB1], "ñ"), ("us-ascii", [0x61, 0xF1], "añ"), ("ansi_x3.4-1968", [0x61], "a"),
            ("iso-8859-1", [0xF1, 0x80], "ñ€"), ("iso-8859-15", [0xA4], "€"), ("windows-1251", [0xCF], "П"), ("x-cp1251", [0xCF], "П"),
            ("win-1251", [0xCF], "П"), ("cp-1251", [0xCF], "П"), ("iso-8859-9", [0xF0, 0x80], "ğ€"), ("koi8-r", [0xF0], "П"),
            ("KOI8-U", [0xA4], "є"),
            ("gb2312", [0xD6, 0xD0, 0x80], "中\u{FFFD}"), ("gbk", [0x81, 0x40], "丂"), ("big5", [0xA4, 0xA4], "中"),
            ("x-sjis", [0x93, 0xFA, 0x87, 0x40], "日①"),
            ("shift_jis", [0x93, 0xFA], "日"), ("euc-jp", [0xC6, 0xFC, 0xAD, 0xA1], "日①"),
            ("ks_c_5601-1987", [0xC7, 0xD1, 0x8C, 0x63], "한똠"),
            ("euc-kr", [0xC7, 0xD1], "한"), ("iso-2022-kr", [0x1B, 0x24, 0x29, 0x43, 0x0E, 0x47, 0x51, 0x0F], "한"),
            ("iso-2022-jp", [0x1B, 0x24, 0x42, 0x46, 0x7C, 0x1B, 0x28, 0x42, 0x61], "日a"), ("iso-2022-jp", [0x1B, 0x28, 0x49, 0x31], "ｱ"),
            ("hz-gb-2312", [0x7E, 0x7B, 0x56, 0x50, 0x7E, 0x7D], "中"), ("utf-7", Array("Espa+APE-a".utf8), "España"),
            ("unicode-1-1-utf-7", Array("+AOk-".utf8), "é"), ("utf-16", [0x00, 0x61], "a"), ("utf-16", [0xFF, 0xFE, 0x61, 0x00], "a"),
            ("utf-16", [0xFE, 0xFF, 0x00, 0x61], "a"), ("utf-16le", [0x61, 0x00], "a"), ("macintosh", [0x96], "ñ"),
            ("x-mac-roman", [0x96], "ñ"),
            ("iso-8859-8-i", [0xE0], "א"), ("tis-620", [0xA1], "ก"), ("windows-1252", [0x93, 0x81, 0xFF], "“\u{81}ÿ"),
            ("cp850", [0xA4], "ñ"),
            ("ibm437", [0xA4], "ñ"), (" \"utf-8\" ", [0xC3, 0xB1], "ñ"), ("viscii", [0xD0], "Đ"), ("tcvn", [0xA7], "Đ"),
            // Unknown or dangerous labels: UTF-8 when it is, otherwise windows-1252.
            ("", [0xC3, 0xB1], "ñ"), ("x-nobody", [0xF1], "ñ"), ("utf-8//TRANSLIT", [0xF1], "ñ"), ("../../tmp/x", [0xF1], "ñ"),
            ("ibm1390", [0xF1], "ñ"),
            ("cp939", [0xF1], "ñ"), ("wchar_t", [0xF1], "ñ"), ("INTERNAL", [0xF1], "ñ"), ("a b", [0xF1], "ñ"), ("utf-8\0x", [0xF1], "ñ"),
            (String(repeating: "x", count: 500), [0xF1], "ñ"),
        ] as [(String, [UInt8], String)])
    func decoding(label: String, bytes: [UInt8], text: String) {
        #expect(Charset.decode(bytes, named: label) == text)
    }

    @Test func brokenBytes() {
        #expect(Charset.decode([0x61, 0xFF, 0x62, 0xC3], named: "utf-8") == "a\u{FFFD}b\u{FFFD}")
        #expect(Charset.decode([0x61, 0xFF, 0x62], named: "gb18030") == "a\u{FFFD}b")
        // Ends within a character.
        #expect(Charset.decode([0x61, 0xC7], named: "euc-kr") == "a\u{FFFD}")
        #expect(Charset.decode([0x61], named: "utf-16") == "\u{FFFD}")
        #expect(Charset.decode([0xFF, 0xFF, 0xFF] + Array("abc".utf8), named: "big5").hasSuffix("abc"))
    }

    @Test func longText() {
        let bytes = [UInt8](repeating: 0xCF, count: 100_000)
        #expect(Charset.decode(bytes, named: "koi8-r") == String(repeating: "о", count: 100_000))
        #expect(Charset.decode([UInt8](repeating: 0xFF, count: 100_000), named: "gb18030").unicodeScalars.count == 100_000)
    }

    @Test func known() {
        for label in ["UTF-8", "us-ascii", "ISO-8859-1", "iso-8859-15", "koi8-r", "big5", "iso-2022-jp"] { #expect(Charset.isKnown(label)) }
        for label in ["", "x-nobody", "unknown-8bit", "utf-8//IGNORE", "ibm1399"] { #expect(!Charset.isKnown(label)) }
    }

    @Test func unlabelled() {
        #expect(Charset.decode(Array("ñ".utf8)[...]) == "ñ")
        #expect(Charset.decode([0xF1]) == "ñ")
    }
}
