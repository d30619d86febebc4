import Testing

@testable import Mail

@Suite struct MIMEParserTests {
    /// One line for each part: depth in dots, kind or type, header and body as text.
    private func tree(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        let structure = MessageStructure(parsing: bytes.span)
        #expect(MessageStructure(decoding: structure.encoded()) == structure)
        return structure.parts.map { part in
            var depth = ""
            var parent = part.parent
            while let above = parent {
                depth += "."
                parent = structure.parts[above].parent
            }
            let type = String(decoding: part.contentType.type + [47] + part.contentType.subtype, as: UTF8.self)
            let body = part.kind == .multipart ? "" : " " + String(decoding: bytes[part.body], as: UTF8.self)
            let lines = bytes[part.body].count { $0 == 10 }
            #expect(part.lines == lines)
            return depth + type + body
        }
    }

    private static let mixed = "Content-Type: multipart/mixed; boundary=foo\n\n"

    @Test(arguments: [
        (mixed + "pre\n--foo\n\na\n--foo\n\nb\n--foo--\nepi", ["multipart/mixed", ".text/plain a", ".text/plain b"]),
        // Without a closing delimiter, without any delimiter, without a body.
        (mixed + "--foo\n\na\n--foo\n\nb\n", ["multipart/mixed", ".text/plain a", ".text/plain b\n"]),
        (mixed + "nothing", ["multipart/mixed"]),
        (mixed, ["multipart/mixed"]),
        ("Content-Type: multipart/mixed; boundary=foo", ["multipart/mixed"]),
        // Blanks behind the boundary (RFC 2046 §5.1.1), CRLF, mixed line ends.
        (mixed + "--foo \t\n\na\n--foo-- \n", ["multipart/mixed", ".text/plain a"]),
        (mixed + "--foo\r\n\r\na\r\n--foo\n\nb\r\n--foo--", ["multipart/mixed", ".text/plain a", ".text/plain b"]),
        // A line need only begin with the boundary; a bare CR before it is text.
        (mixed + "--foobar\n\na\r--foo\n--foo--", ["multipart/mixed", ".text/plain a\r--foo"]),
        // What is no delimiter: not at the beginning of a line, too few hyphens.
        (mixed + "--foo\n\na --foo\n-foo\n--fo\n--foo--", ["multipart/mixed", ".text/plain a --foo\n-foo\n--fo"]),
        // Headers without an empty line: a delimiter ends them, text without a colon begins the body.
        (mixed + "--foo\nContent-Type: a/b\n--foo\n\nx\n--foo--", ["multipart/mixed", ".a/b ", ".text/plain x"]),
        (mixed + "--foo\nContent-Type: a/b\nHello\nyou\n--foo--", ["multipart/mixed", ".a/b Hello\nyou"]),
        (mixed + "--foo\nHello: there is\nno header\n--foo--", ["multipart/mixed", ".text/plain no header"]),
        (mixed + "--foo\nno header\n--foo--", ["multipart/mixed", ".text/plain no header"]),
        ("Content-Type: multipart/mixed; boundary=foo\n--foo\n\na\n--foo--", ["multipart/mixed", ".text/plain a"]),
        // Empty parts.
        (mixed + "--foo\n--foo\n\n--foo\n\n\n--foo--", ["multipart/mixed", ".text/plain ", ".text/plain ", ".text/plain "]),
        // After the closing delimiter nothing is a part.
        (mixed + "--foo\n\na\n--foo--\n--foo\n\nb\n", ["multipart/mixed", ".text/plain a"]),
        // A multipart that cannot be taken apart is text.
        ("Content-Type: multipart/mixed\n\n--foo\n\na\n", ["text/plain --foo\n\na\n"]),
        // Fields that come twice: the first counts; broken ones do not.
        ("Content-Type: broken\nContent-Type: a/b\nContent-Type: c/d\n\nx", ["a/b x"]),
        ("no header", ["text/plain no header"]),
        ("", ["text/plain "]),
        ("From x\nContent-Type: a/b\n\nx", ["a/b x"]),
    ])
    func parts(text: String, expected: [String]) {
        #expect(tree(text) == expected)
    }

    @Test func nested() {
        // The inner boundary begins with the outer one: the longest that matches wins.
        let text =
            Self.mixed + "--foo\nContent-Type: multipart/alternative; boundary=foobar\n\n--foobar\n\na\n--foobar\n\nb\n--foobar--\nepi\n"
            + "--foo\n\nc\n--foo--"
        #expect(tree(text) == ["multipart/mixed", ".multipart/alternative", "..text/plain a", "..text/plain b", ".text/plain c"])
        let shorter = Self.mixed + "--foo\nContent-Type: multipart/alternative; boundary=f\n\n--f\n\na\n--foo\n\nc\n--foo--"
        #expect(tree(shorter) == ["multipart/mixed", ".multipart/alternative", "..text/plain a", ".text/plain c"])
        // The outer delimiter ends an inner multipart that was never closed.
        let open = Self.mixed + "--foo\nContent-Type: multipart/alternative; boundary=bar\n\n--bar\n\na\n--foo\n\nb\n--bar\n--foo--"
        #expect(tree(open) == ["multipart/mixed", ".multipart/alternative", "..text/plain a", ".text/plain b\n--bar"])
        // The same boundary inside: the innermost takes it until it is closed.
        let same = Self.mixed + "--foo\n" + Self.mixed + "--foo\n\na\n--foo--\n--foo\n\nb\n--foo--"
        #expect(tree(same) == ["multipart/mixed", ".multipart/mixed", "..text/plain a", ".text/plain b"])
    }

    @Test func messages() {
        let digest =
            "Content-Type: multipart/digest; boundary=foo\n\n--foo\n\nSubject: 1\n\na\n--foo\nX: y\n\nb\n--foo\nContent-Type: text/plain\n\nc\n--foo--"
        #expect(
            tree(digest) == [
                "multipart/digest", ".message/rfc822 Subject: 1\n\na", "..text/plain a", ".message/rfc822 b", "..text/plain b",
                ".text/plain c",
            ])
        let rfc822 = "Content-Type: message/RFC822\n\nContent-Type: message/rfc822\n\nContent-Type: a/b\n\nx"
        #expect(
            tree(rfc822) == [
                "message/RFC822 Content-Type: message/rfc822\n\nContent-Type: a/b\n\nx", ".message/rfc822 Content-Type: a/b\n\nx",
                "..a/b x",
            ])
        // A message whose header runs into the delimiter around it.
        let cut = Self.mixed + "--foo\nContent-Type: message/rfc822\n\nSubject: x\r\n--foo--"
        #expect(tree(cut) == ["multipart/mixed", ".message/rfc822 Subject: x\r\n", "..text/plain "])
        // Without an empty line before the message: it is empty.
        #expect(
            tree(Self.mixed + "--foo\nContent-Type: message/rfc822\n--foo--") == ["multipart/mixed", ".message/rfc822 ", "..text/plain "])
    }

    @Test func fieldsOfAPart() {
        let bytes = Array(
            """
            Content-Type: text/plain\r
            Content-Transfer-Encoding: (c) Base64 ; x\r
            Content-ID: <a@b>\r
            Content-Description: two\r
             words\r
            Content-MD5: Q2hlY2s=\r
            Content-Disposition: inline; filename=x\r
            Content-Language: en, (x) de ,fr\r
            Content-Location: http://x/\r
            \r
            """.utf8)
        let part = MessageStructure(parsing: bytes.span).parts[0]
        #expect(part.encoding == Array("Base64".utf8))
        #expect(part.transferEncoding == .base64)
        #expect(part.id == Array("<a@b>".utf8))
        #expect(part.description == Array("two words".utf8))
        #expect(part.md5 == Array("Q2hlY2s=".utf8))
        #expect(part.fileName == "x")
        #expect(part.languages == ["en", "de", "fr"].map { Array($0.utf8) })
        #expect(part.location == Array("http://x/".utf8))
    }

    @Test func nestingIsBounded() {
        var text = ""
        for level in 0..<150 { text += "Content-Type: multipart/mixed; boundary=b\(level)x\n\n--b\(level)x\n" }
        let structure = MessageStructure(parsing: Array(text.utf8).span)
        #expect(structure.parts.count == MessageLimits.nesting + 1)
        #expect(structure.parts.last?.contentType == .octetStream)
        #expect(MessageStructure(decoding: structure.encoded()) == structure)
        let messages = String(repeating: "Content-Type: message/rfc822\n\n", count: 150)
        let chain = MessageStructure(parsing: Array(messages.utf8).span)
        #expect(chain.parts.count == MessageLimits.nesting + 1)
        #expect(chain.parts.last?.kind == .leaf)
        #expect(chain.bodyStructure(extended: true).count { $0 == 40 } > MessageLimits.nesting)
    }

    @Test func partsAreBounded() {
        var bytes = Array(Self.mixed.utf8)
        for _ in 0..<(MessageLimits.parts + 100) { bytes += Array("--foo\n\nx\n".utf8) }
        let structure = MessageStructure(parsing: bytes.span)
        #expect(structure.parts.count == MessageLimits.parts)
        #expect(structure.parts.last?.body.upperBound == bytes.count)
        #expect(MessageStructure(decoding: structure.encoded()) == structure)
        var digest = Array("Content-Type: multipart/digest; boundary=foo\n\n".utf8)
        for _ in 0..<(MessageLimits.parts + 100) { digest += Array("--foo\n\nA: b\n\nx\n".utf8) }
        let messages = MessageStructure(parsing: digest.span)
        #expect(messages.parts.count == MessageLimits.parts)
        #expect(MessageStructure(decoding: messages.encoded()) == messages)
    }

    /// What is kept of a message that is all fields stays small.
    @Test func keptFieldsAreBounded() {
        let long = String(repeating: "d", count: 60_000)
        var bytes = Array("Content-Type: multipart/digest; boundary=foo\n\n".utf8)
        for _ in 0..<200 { bytes += Array("--foo\nContent-Description: \(long)\n\nSubject: \(long)\n\nx\n".utf8) }
        let encoded = MessageStructure(parsing: bytes.span).encoded()
        #expect(encoded.count < MessageLimits.structureFields + MessageLimits.nestedEnvelopes + 100_000)
        #expect(encoded.count > MessageLimits.structureFields)
    }
}
