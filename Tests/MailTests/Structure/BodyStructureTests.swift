import Testing

@testable import Mail

@Suite struct BodyStructureTests {
    private func wire(_ text: String, extended: Bool = false) -> String {
        let bytes = Array(text.replacing("\n", with: "\r\n").utf8)
        let structure = MessageStructure(parsing: bytes.span)
        return String(decoding: structure.bodyStructure(extended: extended), as: UTF8.self)
    }

    private static let plain = "\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\""

    @Test(arguments: [
        ("", "(\(plain) 0 0)", "(\(plain) 0 0 NIL NIL NIL NIL)"),
        ("A: b\n\none\ntwo", "(\(plain) 8 1)", "(\(plain) 8 1 NIL NIL NIL NIL)"),
        (
            "Content-Type: Text/Html; Charset=\"UTF-8\"; x*=utf-8''a\nContent-Transfer-Encoding: 8BIT\nContent-ID: <1>\nContent-Description: \"d\"\n\nx\n",
            "(\"Text\" \"Html\" (\"Charset\" \"UTF-8\" \"x*\" \"utf-8''a\") \"<1>\" \"\\\"d\\\"\" \"8BIT\" 3 1)",
            "(\"Text\" \"Html\" (\"Charset\" \"UTF-8\" \"x*\" \"utf-8''a\") \"<1>\" \"\\\"d\\\"\" \"8BIT\" 3 1 NIL NIL NIL NIL)"
        ),
        // No lines and no charset for what is no text; an extension field of each sort.
        (
            "Content-Type: image/png\nContent-MD5: m\nContent-Disposition: attachment; filename=f\nContent-Language: en, de\nContent-Location: l\n\nxx",
            "(\"image\" \"png\" NIL NIL NIL \"7bit\" 2)",
            "(\"image\" \"png\" NIL NIL NIL \"7bit\" 2 \"m\" (\"attachment\" (\"filename\" \"f\")) (\"en\" \"de\") \"l\")"
        ),
        (
            "Content-Type: text/plain; format=flowed\nContent-Disposition: inline\n\nx",
            "(\"text\" \"plain\" (\"format\" \"flowed\" \"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0)",
            "(\"text\" \"plain\" (\"format\" \"flowed\" \"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 NIL (\"inline\" NIL) NIL NIL)"
        ),
        (
            "Content-Type: multipart/alternative; boundary=\"b\"\nContent-Language: es\n\n--b\n\na\n--b\nContent-Type: a/b\n\n--b--\n",
            "((\(plain) 1 0)(\"a\" \"b\" NIL NIL NIL \"7bit\" 0) \"alternative\")",
            "((\(plain) 1 0 NIL NIL NIL NIL)(\"a\" \"b\" NIL NIL NIL \"7bit\" 0 NIL NIL NIL NIL) \"alternative\" (\"boundary\" \"b\") NIL (\"es\") NIL)"
        ),
        // RFC 3501 §9: a multipart has at least one part.
        (
            "Content-Type: multipart/mixed; boundary=b\n\nx", "((\(plain) 0 0) \"mixed\")",
            "((\(plain) 0 0) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"
        ),
        (
            "Content-Type: message/rfc822\n\nSubject: s\n\nx\ny\n",
            "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 20 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) (\(plain) 6 2) 4)",
            "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 20 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) (\(plain) 6 2 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)"
        ),
        // 8-bit in a parameter, and no boundary.
        (
            "Content-Type: a/b; name=\u{e9}\n\n", "(\"a\" \"b\" (\"name\" {2}\r\n\u{e9}) NIL NIL \"7bit\" 0)",
            "(\"a\" \"b\" (\"name\" {2}\r\n\u{e9}) NIL NIL \"7bit\" 0 NIL NIL NIL NIL)"
        ),
        ("Content-Type: multipart/mixed\n\nx", "(\(plain) 1 0)", "(\(plain) 1 0 NIL NIL NIL NIL)"),
    ])
    func wire(text: String, body: String, bodyStructure: String) {
        #expect(wire(text) == body)
        #expect(wire(text, extended: true) == bodyStructure)
    }

    @Test func continuationsAreJoinedUpToALimit() {
        let field = (0..<100).map { ";a*\($0)=b" }.joined()
        let part = "--x\nContent-Type: a/b\(field)\n\n\n"
        let text = wire("Content-Type: multipart/mixed; boundary=x\n\n" + String(repeating: part, count: 60) + "--x--\n")
        #expect(text.split(separator: "\"a\" \"\(String(repeating: "b", count: 100))\"").count == MessageLimits.continuations / 100 + 1)
        #expect(text.contains("\"a*99\" \"b\""))
    }

    /// RFC 2231 §6: continuations come in one piece.
    @Test(arguments: [
        ("name*0=a; name*1=\"b c\"", "\"name\" \"ab c\""), ("name*1=b; NAME*0=a; x=y", "\"NAME\" \"ab\" \"x\" \"y\""),
        ("name*0*=utf-8''%C3; name*1*=%A9", "\"name*\" \"utf-8''%C3%A9\""),
        ("x=y; name*0*=utf-8'es'a; name*1=\"b 1*\"", "\"x\" \"y\" \"name*\" \"utf-8'es'ab%201%2A\""),
        ("name*0=\"a%\"; name*1*=%20", "\"name*\" \"''a%25%20\""),
        ("name*0=a; name*2=c", "\"name\" \"a\" \"name*2\" \"c\""), ("name*1=a; name*2=b", "\"name*1\" \"a\" \"name*2\" \"b\""),
        ("name*0=a; name*0=b; name*x=c", "\"name\" \"a\" \"name*0\" \"b\" \"name*x\" \"c\""),
        ("name*=utf-8''a; name=b", "\"name*\" \"utf-8''a\" \"name\" \"b\""), ("*0=a", "\"*0\" \"a\""),
    ])
    func continuations(field: String, expected: String) {
        #expect(wire("Content-Type: a/b; \(field)\n\n") == "(\"a\" \"b\" (\(expected)) NIL NIL \"7bit\" 0)")
        #expect(
            wire("Content-Type: a/b\nContent-Disposition: attachment; \(field)\n\n", extended: true)
                == "(\"a\" \"b\" NIL NIL NIL \"7bit\" 0 NIL (\"attachment\" (\(expected))) NIL NIL)")
    }
}
