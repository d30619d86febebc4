import MailTesting
import Testing

@Suite struct IMAPTokenizerTests {
    @Test(arguments: [
        ("1 FETCH (UID 4 FLAGS (\\Seen))", "1 FETCH (UID 4 FLAGS (\\Seen))"),
        ("LIST () \"/\" {3}\r\na b", "LIST () \"/\" {3}a b"),
        ("THREAD (1 (2 4)(3))(5)", "THREAD (1 (2 4) (3)) (5)"),
        ("2 FETCH (BODY[HEADER.FIELDS (SUBJECT)] ~{2}\r\n)( UID 2)", "2 FETCH (BODY[HEADER.FIELDS (SUBJECT) ] {2})( UID 2)"),
        ("STATUS \"a\\\"b\\\\c\" ()", "STATUS \"a\"b\\c\" ()"),
        ("SEARCH", "SEARCH"),
        ("", ""),
    ])
    func `cuts a reply into arguments`(reply: String, expected: String) throws {
        #expect(try IMAPTokenizer.tokens(of: Array(reply.utf8)).joined == expected)
    }

    @Test(arguments: [
        ("OK [UIDNEXT 4392] It's (an \"odd text {3}", ["OK", "[UIDNEXT", "4392]", "It's", "(an", "\"odd", "text", "{3}"]),
        ("bye", ["bye"]),
        ("OK [PERMANENTFLAGS (\\Seen \\*)] done", ["OK", "[PERMANENTFLAGS", "(\\Seen \\*)", "]", "done"]),
    ])
    func `human text becomes words`(reply: String, expected: [String]) throws {
        #expect(try IMAPTokenizer.tokens(of: Array(reply.utf8)).map(\.description) == expected)
    }

    @Test(arguments: ["1 FETCH (UID 4", "1 FETCH UID)", "LIST () \"/ x", "X {5}\r\nabc", "X {a}\r\n", "OK [UIDNEXT 3", "X {1}abc"])
    func `broken replies are named, not guessed`(reply: String) {
        #expect(throws: IMAPTokenizer.Malformation.self) { try IMAPTokenizer.tokens(of: Array(reply.utf8)) }
    }

    @Test func `nesting is bounded`() {
        let deep = [UInt8](repeating: 0x28, count: 100_000)
        #expect(throws: IMAPTokenizer.Malformation(offset: IMAPTokenizer.depthLimit + 1, what: "lists too deep")) {
            try IMAPTokenizer.tokens(of: deep)
        }
    }

    @Test func `a quoted NIL is text`() throws {
        let tokens = try IMAPTokenizer.tokens(of: Array("X nil \"NIL\"".utf8))
        #expect(tokens.map(\.isNil) == [false, true, false])
    }

    @Test func `a reply knows its parts`() throws {
        let fetch = try IMAPReply(Array("* 12 FETCH (UID 3)".utf8))
        #expect(fetch.kind == .untagged && fetch.name == "FETCH" && fetch.number == 12 && fetch.arguments.count == 1)
        let done = try IMAPReply(Array("c1 OK [APPENDUID 7 8] done".utf8))
        #expect(done.kind == .tagged("c1") && done.isOK && done.code == "APPENDUID 7 8")
        #expect(try IMAPReply(Array("+ idling".utf8)).kind == .continuation)
        #expect(throws: IMAPTokenizer.Malformation.self) { try IMAPReply(Array("c1 FETCH 1".utf8)) }
    }
}
