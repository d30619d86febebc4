import Mail
import Testing

/// The same input, cut into pieces of each size: the same output every time.
private func decode(_ encoding: TransferEncoding, _ text: [UInt8]) -> [UInt8] {
    let whole = encoding.decode(text[...])
    for size in [1, 2, 3, 7, 64] {
        var decoder = TransferDecoder(encoding)
        var output: [UInt8] = []
        for start in stride(from: 0, to: text.count, by: size) {
            decoder.decode(text[start..<min(start + size, text.count)], into: &output)
        }
        decoder.finish(into: &output)
        #expect(output == whole, "in pieces of \(size)")
    }
    return whole
}

@Suite struct TransferEncodingTests {
    @Test(arguments: [
        ("7bit", TransferEncoding.sevenBit), ("", .sevenBit), (" 8BIT \r\n", .eightBit), ("Binary", .binary),
        ("Quoted-Printable", .quotedPrintable),
        ("base64 (a comment)", .base64), ("base64;x", .base64), ("\"base64\"", .base64), ("x-uuencode", .uuencode), ("8-bit", .eightBit),
        ("x-gzip64", .unknown), (String(repeating: "7bit", count: 100), .unknown),
    ])
    func names(text: String, encoding: TransferEncoding) {
        #expect(TransferEncoding(parsing: Array(text.utf8)[...]) == encoding)
        if let name = encoding.name { #expect(TransferEncoding(parsing: Array(name.utf8)[...]) == encoding) }
    }

    @Test(arguments: [
        ("", ""), ("YQ==", "a"), ("YWI=", "ab"), ("YWJj", "abc"), ("YQ", "a"), ("YWI", "ab"), ("Y", ""), ("YWJj\r\nZGVm\r\n", "abcdef"),
        ("YQ==YQ==", "aa"), ("YQ=\r\n=YWI=", "aab"), ("Y*W-J!j", "abc"), ("====", ""), ("YWJjZ", "abc"), ("Y=YQ==", "a"),
        ("\u{FF}YWJj", "abc"),
    ])
    func base64(text: String, expectation: String) {
        #expect(decode(.base64, Array(text.utf8)) == Array(expectation.utf8))
    }

    @Test(arguments: [
        ("", ""), ("a=20b", "a b"), ("a=\r\nb", "ab"), ("a=\nb", "ab"), ("a= \t\r\nb", "ab"), ("a  \r\nb", "a\r\nb"), ("a \t\nb", "a\nb"),
        ("=c3=B1", "ñ"), ("a=zz", "a=zz"), ("a=4", "a=4"), ("a=4z", "a=4z"), ("a=", "a"), ("a==41", "a=A"), ("a= b", "a= b"),
        ("a  b", "a  b"),
        ("a  ", "a"), ("a =41", "a A"), ("=\r\n=\r\n=41", "A"), ("=\rA", "A"), ("a =", "a "), ("a = ", "a "), ("=4=41", "=4A"),
        (" \r\n", "\r\n"),
        ("=20\r\n", " \r\n"), ("a=\r\n", "a"),
    ])
    func quotedPrintable(text: String, expectation: String) {
        let decoded = decode(.quotedPrintable, Array(text.utf8))
        #expect(String(decoding: decoded, as: UTF8.self) == expectation)
    }

    @Test func uuencode() {
        let text = "noise\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\nmore\r\n"
        #expect(decode(.uuencode, Array(text.utf8)) == Array("Cat".utf8))
        #expect(decode(.uuencode, Array("begin 644 x\n#0V%\n$86).8P\nend\n".utf8)).count == 7)
        #expect(decode(.uuencode, Array("begin 644 x\n".utf8) + [UInt8](repeating: 0x4D, count: 1000)).count == 45)
        #expect(decode(.uuencode, Array("no begin".utf8)).isEmpty)
    }

    @Test(arguments: [TransferEncoding.sevenBit, .eightBit, .binary, .unknown])
    func identity(encoding: TransferEncoding) {
        #expect(decode(encoding, [0, 0xFF, 0x3D, 0x0D]) == [0, 0xFF, 0x3D, 0x0D])
        #expect(!encoding.changesBytes)
    }

    @Test func roundTrip() {
        var noise = Noise(seed: 7)
        for _ in 0..<500 {
            let bytes = noise.bytes(upTo: 300, of: Array("ab =\t\r\n.ñ".utf8))
            let lines = Base64.encode(bytes, lineLength: 76)
            #expect(decode(.base64, lines) == bytes)
            #expect(lines.split(separator: 0x0A).allSatisfy { $0.count <= 77 })
            #expect(Base64.decodeStrictly(Base64.encode(bytes)[...]) == bytes)
            // Bare LF becomes CRLF, so compare with line breaks made equal.
            var canonical: [UInt8] = []
            for (index, byte) in bytes.enumerated() {
                if byte == 0x0A, index == 0 || bytes[index - 1] != 0x0D { canonical.append(0x0D) }
                canonical.append(byte)
            }
            let encoded = QuotedPrintable.encode(bytes[...])
            #expect(decode(.quotedPrintable, encoded) == canonical)
            #expect(
                encoded.split(separator: 0x0A).allSatisfy { $0.count <= QuotedPrintable.lineLimit + 1 && $0.last == 0x0D || $0.count <= 76 }
            )
            #expect(encoded.allSatisfy { $0 < 0x7F })
        }
    }

    @Test func base64Form() {
        #expect(Base64.encode("".utf8) == [])
        #expect(Base64.encode("usuario".utf8) == Array("dXN1YXJpbw==".utf8))
        #expect(Base64.encode([UInt8](repeating: 0, count: 57), lineLength: 76) == [UInt8](repeating: 0x41, count: 76) + [0x0D, 0x0A])
        #expect(Base64.encode([1, 2, 3], lineLength: 76) == Array("AQID\r\n".utf8))
    }

    @Test(arguments: ["YQ", "YQ=", "Y===", "====", "YR==", "YWJ=", "YQ==YQ==", "YW Jj", "YQ==\r\n", "YW-j"])
    func strictRefusal(text: String) {
        #expect(Base64.decodeStrictly(Array(text.utf8)[...]) == nil)
    }

    @Test func strict() {
        #expect(Base64.decodeStrictly([]) == [])
        #expect(Base64.decodeStrictly(Array("YQ==".utf8)[...]) == [0x61])
        #expect(Base64.decodeStrictly(Array("+/+/".utf8)[...]) == [0xFB, 0xFF, 0xBF])
    }

    @Test(.timeLimit(.minutes(1)), arguments: [" ", "= ", "=", "=4", "\t\r\n", "=\r", "A", "A=", "M", "begin \n"])
    func linearTime(piece: String) {
        let bytes = repeated(piece)
        for encoding in [TransferEncoding.base64, .quotedPrintable, .uuencode] {
            var decoder = TransferDecoder(encoding)
            var output: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: 512) {
                decoder.decode(bytes[start..<min(start + 512, bytes.count)], into: &output)
            }
            decoder.finish(into: &output)
            #expect(output.count <= bytes.count + 1024)
        }
    }

    @Test func noise() {
        var noise = Noise(seed: 8)
        for _ in 0..<3000 {
            _ = decode(.quotedPrintable, noise.bytes(upTo: 60, of: Array("ab=0F \t\r\n".utf8)))
            _ = decode(.base64, noise.bytes(upTo: 60, of: Array("YWJj=\r\n-".utf8)))
            _ = decode(.uuencode, Array("begin 644 x\n".utf8) + noise.bytes(upTo: 60, of: Array("M#0V%T`\n".utf8)))
        }
    }
}
