import Testing

@testable import Mail

@Suite struct MessageTextTests {
    private static let message = Array(
        """
        Subject: outer
        Content-Type: multipart/mixed; boundary=b

        --b
        Content-Type: text/plain; charset=iso-8859-1
        Content-Transfer-Encoding: quoted-printable

        caf=E9 =
        solo
        --b
        Content-Type: application/octet-stream; name="=?utf-8?q?caf=C3=A9.bin?="
        Content-Transfer-Encoding: base64

        AAEC
        --b
        Content-Type: message/rfc822

        Subject: =?utf-8?q?inner=C3=A9?=

        inner text
        --b--
        """.utf8)

    @Test func texts() {
        Self.message.withUnsafeBufferPointer { buffer in
            let structure = MessageStructure(parsing: buffer)
            #expect(structure.text(of: 1, in: buffer) == "café solo")
            #expect(structure.decodedBody(of: 1, in: buffer) == [99, 97, 102, 0xE9, 32] + Array("solo".utf8))
            #expect(structure.decodedBody(of: 1, in: buffer, limit: 3) == Array("caf".utf8))
            #expect(structure.decodedBody(of: 2, in: buffer) == [0, 1, 2])
            #expect(structure.parts[2].fileName == "café.bin")
            #expect(structure.text(of: 99, in: buffer).isEmpty)
            #expect(structure.textParts == [1, 4])
            var seen: [String] = []
            structure.visitTexts(in: buffer) { text in
                seen.append(text)
                return true
            }
            #expect(seen == ["café solo", "Subject: inneré", "inner text"])
            var first: [String] = []
            structure.visitTexts(in: buffer) { text in
                first.append(text)
                return first.count < 2
            }
            #expect(first.count == 2)
        }
    }

    /// However long the body, no piece is long, and all of them make the whole.
    @Test func piecesAreBounded() {
        let content = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let bytes = Array("Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n".utf8) + Base64.encode(content, lineLength: 76)
        bytes.withUnsafeBufferPointer { buffer in
            let structure = MessageStructure(parsing: buffer)
            var whole: [UInt8] = []
            var longest = 0
            structure.visitDecodedBody(of: 0, in: buffer) { piece in
                whole += piece
                longest = max(longest, piece.count)
                return true
            }
            #expect(whole == content)
            #expect(longest <= 1 << 16)
            #expect(structure.decodedBody(of: 0, in: buffer, limit: 70_000) == Array(content.prefix(70_000)))
            var pieces = 0
            structure.visitDecodedBody(of: 0, in: buffer) { _ in
                pieces += 1
                return false
            }
            #expect(pieces == 1)
        }
    }
}
