import Testing

@testable import Mail

@Suite struct ContentTypeTests {
    private func parse(_ text: String) -> ContentType? {
        Array(text.utf8).withUnsafeBufferPointer { ContentType(parsing: $0) }
    }

    private func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test(arguments: [
        ("text/plain", "text/plain", []),
        ("Text / HTML ; charset=utf-8", "Text/HTML", ["charset=utf-8"]),
        ("text/plain; charset=\"us-ascii\" (Plain text)", "text/plain", ["charset=us-ascii"]),
        ("text/plain (a; b=c (nested)) ; (x) charset (y) = (z) utf-8 (w)", "text/plain", ["charset=utf-8"]),
        ("multipart/mixed; boundary=\"foo\r\n bar\"", "multipart/mixed", ["boundary=foo bar"]),
        ("a/b; x=\"q\\\"u\\\\o;te\"; y=2", "a/b", ["x=q\"u\\o;te", "y=2"]),
        // Semicolons missing and too many.
        ("a/b;; x=1 y=2; ;z=3;", "a/b", ["x=1", "y=2", "z=3"]),
        ("a/b; charset=\"utf-8\" format=flowed", "a/b", ["charset=utf-8", "format=flowed"]),
        // Blanks in a value without quotes.
        ("a/b; name=my file.pdf; x=1", "a/b", ["name=my file.pdf", "x=1"]),
        ("a/b; name=file(1).pdf", "a/b", ["name=file(1).pdf"]),
        // A quote that does not end, parameters without value or name.
        ("a/b; x=\"never ends; y=1", "a/b", ["x=never ends; y=1"]),
        ("a/b; x; y=; =z; w=1", "a/b", ["y=", "w=1"]),
        ("text", "text/plain", []),
        ("text; charset=x", "text/plain", ["charset=x"]),
    ])
    func fields(text: String, type: String, parameters: [String]) throws {
        let found = try #require(parse(text))
        #expect(string(found.type) + "/" + string(found.subtype) == type)
        #expect(found.parameters.list.map { string($0.name) + "=" + string($0.value) } == parameters)
    }

    /// RFC 2045 §5.2: what is not type/subtype counts as absent.
    @Test(arguments: ["", "  ", "html", "/plain", "text/", "text/;charset=x", ";charset=x", "(only a comment"])
    func refused(text: String) {
        #expect(parse(text) == nil)
    }

    @Test(arguments: [
        // RFC 2231 §3, §4, §4.1.
        (
            "a/b; access-type=URL; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"", "url",
            "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"
        ),
        ("a/b; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title", "This is ***fun***"),
        (
            "a/b; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"", "title",
            "This is even more ***fun*** isn't it!"
        ),
        // In any order, up to the first that is missing.
        ("a/b; n*1=b; n*0=a; n*3=d", "n", "ab"),
        // The extended form wins over the plain one.
        ("a/b; name=\"plain\"; name*=utf-8''caf%C3%A9", "name", "café"),
        ("a/b; name*=iso-8859-1''caf%E9", "name", "café"),
        ("a/b; name*=caf%C3%A9", "name", "café"),
        ("a/b; name*=utf-8''100%", "name", "100%"),
        // What senders write instead.
        ("a/b; name=\"=?utf-8?B?Y2Fmw6k=?=\"", "name", "café"),
        ("a/b; names=x; name=y", "name", "y"),
        ("a/b; name*99999999999=x; name*x=y; name=z", "name", "z"),
    ])
    func texts(text: String, name: String, value: String) throws {
        #expect(try #require(parse(text)).parameters.text(name) == value)
    }

    @Test(arguments: [
        ("multipart/mixed; boundary=\"a b \"", "a b"), ("multipart/mixed; boundary*0=a; boundary*1=b", "ab"),
        ("multipart/mixed; boundary=\"\"", nil), ("multipart/mixed", nil),
    ])
    func boundary(text: String, boundary: String?) throws {
        #expect(try #require(parse(text)).boundary.map { string($0) } == boundary)
    }

    @Test func boundsParametersAndBoundary() throws {
        let many = (0..<1000).map { "; p\($0)=1" }.joined()
        #expect(try #require(parse("a/b" + many)).parameters.list.count == MessageLimits.parameters)
        let long = String(repeating: "x", count: MessageLimits.boundary)
        #expect(try #require(parse("a/b; boundary=" + long)).boundary != nil)
        #expect(try #require(parse("a/b; boundary=x" + long)).boundary == nil)
    }

    @Test(arguments: [
        ("attachment; filename=\"a b.txt\"", "attachment", "a b.txt", true), ("INLINE", "INLINE", nil, false),
        ("x-unknown; filename*=utf-8''%C3%A9", "x-unknown", "é", true),
    ])
    func disposition(text: String, type: String, name: String?, isAttachment: Bool) throws {
        let found = try #require(Array(text.utf8).withUnsafeBufferPointer { ContentDisposition(parsing: $0) })
        #expect(string(found.type) == type)
        #expect(found.parameters.text("filename") == name)
        #expect(found.isAttachment == isAttachment)
        #expect(Array("; x=1".utf8).withUnsafeBufferPointer { ContentDisposition(parsing: $0) } == nil)
    }
}
