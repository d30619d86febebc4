import Testing

@testable import Mail

@Suite struct EnvelopeTests {
    private func envelope(_ header: String) -> String {
        let bytes = Array((header + "\r\n").utf8)
        let wire = bytes.withUnsafeBufferPointer { Envelope.format(HeaderSection(parsing: $0), in: $0) }
        #expect(MessageSummary.summarise(bytes.span).envelope == wire)
        return String(decoding: wire, as: UTF8.self)
    }

    private static let a = "((NIL NIL \"a\" \"b.c\"))"

    @Test(arguments: [
        ("X: y\r\n", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
        // Present but empty (RFC 3501 §7.4.2).
        ("Date:\r\nSubject: \r\nIn-Reply-To:\r\nMessage-ID:\r\nTo:\r\n", "(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")"),
        // Sender and Reply-To default to From, also when they are empty.
        ("From: a@b.c\r\n", "(NIL NIL \(a) \(a) \(a) NIL NIL NIL NIL NIL)"),
        ("From: a@b.c\r\nSender:\r\nReply-To: (nobody)\r\n", "(NIL NIL \(a) \(a) \(a) NIL NIL NIL NIL NIL)"),
        ("Reply-To: a@b.c\r\n", "(NIL NIL NIL NIL \(a) NIL NIL NIL NIL NIL)"),
        // Several fields of one name.
        ("To: a@b.c\r\nTo: d@e\r\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"b.c\")(NIL NIL \"d\" \"e\")) NIL NIL NIL NIL)"),
        ("Subject: 1\r\nSubject: 2\r\n", "(NIL \"1\" NIL NIL NIL NIL NIL NIL NIL NIL)"),
        // Folding, quotes, backslashes; 8-bit and CR go as literals; NUL goes nowhere.
        ("Subject: a\r\n \"b\" \\\r\n", "(NIL \"a \\\"b\\\" \\\\\" NIL NIL NIL NIL NIL NIL NIL NIL)"),
        ("Subject: \u{e9}\r\n", "(NIL {2}\r\n\u{e9} NIL NIL NIL NIL NIL NIL NIL NIL)"),
        ("Subject: a\rb\0\r\n", "(NIL \"a b?\" NIL NIL NIL NIL NIL NIL NIL NIL)"),
        // Encoded words stay.
        ("Subject: =?utf-8?q?x?=\r\n", "(NIL \"=?utf-8?q?x?=\" NIL NIL NIL NIL NIL NIL NIL NIL)"),
        // A group, a mailbox without domain.
        (
            "Cc: g: a@b.c, d;, root\r\nBcc: undisclosed:;\r\n",
            "(NIL NIL NIL NIL NIL NIL ((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b.c\")(NIL NIL \"d\" \"\")(NIL NIL NIL NIL)(NIL NIL \"root\" \"\"))"
                + " ((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) NIL NIL)"
        ),
    ])
    func wire(header: String, expected: String) {
        #expect(envelope(header) == expected)
    }

    @Test func longStringsAreLiterals() {
        let long = String(repeating: "x", count: MessageLimits.quotedString + 1)
        #expect(envelope("Subject: \(long)\r\n") == "(NIL {1025}\r\n\(long) NIL NIL NIL NIL NIL NIL NIL NIL)")
        #expect(envelope("Subject: \(long.dropLast())\r\n") == "(NIL \"\(long.dropLast())\" NIL NIL NIL NIL NIL NIL NIL NIL)")
    }

    @Test func addressListsAreBounded() {
        let field = "To: " + Array(repeating: "a@b.c", count: 10_000).joined(separator: ",") + "\r\n"
        let wire = envelope(String(repeating: field, count: 15))
        #expect(wire.utf8.count > MessageLimits.addressList)
        #expect(wire.utf8.count < MessageLimits.addressList + 10_000 * 25)
    }
}
