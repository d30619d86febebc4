import Mail
import Testing

@Suite struct EncodedWordTests {
    @Test(arguments: [
        ("plain text", "plain text"), ("", ""), ("=?utf-8?Q?Espa=C3=B1a?=", "España"), ("=?UTF-8?b?RXNwYcOxYQ==?=", "España"),
        ("=?iso-8859-1?q?a=F1o_nuevo?=", "año nuevo"), ("a =?utf-8?Q?b?= c", "a b c"), ("=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"),
        ("=?utf-8?Q?a?=\r\n =?utf-8?Q?b?=", "ab"), ("=?utf-8?Q?a?= x =?utf-8?Q?b?=", "a x b"), ("=?utf-8?Q?a_?= =?utf-8?Q?b?=", "a b"),
        // One character in two words, in both encodings.
        ("=?utf-8?Q?=C3?= =?utf-8?Q?=B1?=", "ñ"), ("=?utf-8?B?4oI=?= =?UTF-8?Q?=AC?=", "€"), ("=?utf-8?Q?a?= =?iso-8859-1?Q?=F1?=", "añ"),
        ("=?utf-8*es?Q?a=C3=B1o?=", "año"), ("=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"), ("x=?utf-8?Q?a?=y", "xay"),
        ("=?utf-8?Q?qu=E9?=", "qu\u{FFFD}"), ("=?utf-8?Q?What??=", "What?"), ("=?utf-8?Q?a b?=", "a b"), ("=?utf-8?Q??=", ""),
        ("=?utf-8?B?RXNwYcOxYQ?=", "España"), ("=?utf-8?B?RXNw YcOx*YQ=?=", "España"), ("=?utf-8?Q?100%=2?=", "100%=2"),
        ("=?utf-8?Q?a=zz?=", "a=zz"), ("=?x-nobody?Q?a=C3=B1o?=", "año"), ("=?x-nobody?Q?a=F1o?=", "año"),
        ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"), ("=?gb2312?B?1tDOxA==?=", "中文"), ("=?ks_c_5601-1987?B?x9GxuQ==?=", "한국"),
        ("=?koi8-r?Q?=F0=D2=C9=D7=C5=D4?=", "Привет"), ("=?windows-1252?Q?=80=93?=", "€“"), ("=?iso-8859-1?Q?=80?=", "€"),
        // What is none stays.
        ("=?utf-8?X?a?=", "=?utf-8?X?a?="), ("=?utf-8?Q?a", "=?utf-8?Q?a"), ("=??Q?a?=", "=??Q?a?="), ("=?", "=?"),
        ("=?utf-8?Q?=", "=?utf-8?Q?="),
        ("=?ut f?Q?a?=", "=?ut f?Q?a?="), ("a = b? =", "a = b? ="), ("=?=?utf-8?Q?a?=", "=?a"), ("a\r\n b", "a b"), ("a\nb", "a b"),
        ("a =?utf-8?Q?b?= ", "a b "),
    ])
    func decoding(text: String, expectation: String) {
        #expect(EncodedWord.decode(Array(text.utf8)) == expectation)
    }

    @Test func eightBit() {
        #expect(EncodedWord.decode([0x61, 0xF1, 0x6F]) == "año")
        #expect(EncodedWord.decode(Array("año".utf8)) == "año")
        #expect(EncodedWord.decode([0xF1] + Array("=?utf-8?Q?=C3=B1?= ".utf8) + Array("ñ".utf8)) == "ññ ñ")
    }

    @Test(arguments: [
        "", "plain", "a =? b", "España", "日本語のとても長い件名でございますので何回も折り返す必要がありますよろしくお願いします", "\u{1F600}" + String(repeating: "x", count: 200),
        "a\nb", "tab\tulator", String(repeating: "ñ ", count: 120), "(«comillas», \"dobles\")",
    ])
    func encoding(text: String) {
        let encoded = EncodedWord.encode(text)
        #expect(encoded.allSatisfy { $0 < 0x80 })
        #expect(EncodedWord.decode(encoded) == text)
        for line in encoded.split(separator: 0x0A) {
            #expect(line.count <= 76 - "Subject: ".utf8.count || text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
        }
    }

    @Test func encodedForm() {
        #expect(EncodedWord.encode("Buzón lleno") == Array("=?UTF-8?Q?Buz=C3=B3n_lleno?=".utf8))
        #expect(EncodedWord.encode("日本") == Array("=?UTF-8?B?5pel5pys?=".utf8))
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "=?", "=?a?q?", "=?utf-8?q?", "=?a?q?b", "?=", "=?utf-8?q?a?=", "=?utf-8?q?a?= ", "=?koi8-r?q?=C1?==?koi8-u?q?=C1?=", " ",
            "\r\n ", "=?x?b?",
        ])
    func linearTime(piece: String) {
        _ = EncodedWord.decode(repeated(piece))
    }

    @Test func noise() {
        var noise = Noise(seed: 6)
        let alphabet = Array("=?=?utf-8gbk?QqBb=C3 \r\n".utf8)
        for _ in 0..<20_000 { _ = EncodedWord.decode(noise.bytes(upTo: 60, of: alphabet)) }
        let labels = [
            "utf-8", "gb18030", "iso-2022-jp", "euc-jp", "big5", "utf-7", "utf-16", "ks_c_5601-1987", "hz-gb-2312", "iso-2022-kr", "x",
        ]
        for _ in 0..<5000 {
            let bytes = noise.bytes(upTo: 60, of: Array("\u{1B}$B(J~{+-AB\u{0E}\u{0F}".utf8))
            for label in labels { _ = Charset.decode(bytes, named: label) }
        }
    }
}
