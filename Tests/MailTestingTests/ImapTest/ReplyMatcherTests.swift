import MailTesting
import Testing

@Suite struct ReplyMatcherTests {
    private static func outcome(_ pattern: String, _ reply: String, _ matcher: inout ReplyMatcher) throws -> ReplyMatcher.Outcome {
        let patterns = try ReplyPattern.patterns(of: try IMAPTokenizer.tokens(of: Array(pattern.utf8)))
        let tokens = try IMAPTokenizer.tokens(of: Array(reply.utf8))
        return matcher.match(patterns, tokens, prefix: IMAPTokenizer.isStatus(Array(pattern.utf8)))
    }

    private static func matches(_ pattern: String, _ reply: String) throws -> Bool {
        var matcher = ReplyMatcher(variables: ScriptVariables(["mailbox": "imaptest"]))
        return try outcome(pattern, reply, &matcher) == .match
    }

    @Test(arguments: [
        // Case, and where it counts.
        ("search 1 2", "SEARCH 1 2", true), ("search 1 2", "SEARCH 1 2 3", false), ("search 1 2", "SEARCH 1", false),
        ("list () \"/\" ${case:INBOX/Inbox}", "LIST () \"/\" INBOX/Inbox", true),
        ("list () \"/\" ${case:INBOX/Inbox}", "LIST () \"/\" INBOX/INBOX", false),
        // NIL is no text.
        ("x nil", "X NIL", true), ("x nil", "X \"NIL\"", false), ("x \"a\"", "X {1}\r\na", true),
        // $ takes anything, a list too; a named variable takes no list.
        ("1 fetch (uid $ flags $)", "1 FETCH (UID 4 FLAGS (\\Seen))", true), ("1 fetch (flags $f)", "1 FETCH (FLAGS (\\Seen))", false),
        // FETCH: chains of two in any order, others beside them.
        ("1 fetch (uid 4 flags (\\seen))", "1 FETCH (MODSEQ (3) FLAGS (\\Seen) UID 4)", true),
        ("1 fetch (uid 4)", "1 FETCH (FLAGS (4))", false),
        ("1 fetch (uid 4)", "2 FETCH (UID 4)", false),
        // FLAGS: in any order, none beside them but \Recent.
        ("1 fetch (flags (\\seen x))", "1 FETCH (FLAGS (X \\Recent \\Seen))", true),
        ("1 fetch (flags (\\seen))", "1 FETCH (FLAGS (\\Seen \\Draft))", false),
        ("1 fetch (flags (\\seen x))", "1 FETCH (FLAGS (\\Seen))", false),
        // LIST and STATUS.
        ("list (\\noselect) \"/\" a", "LIST (\\HasChildren \\Noselect) \"/\" a", true),
        ("list () \"/\" a", "LIST (\\Marked) \"/\" b", false),
        ("status a (unseen 2 messages 3)", "STATUS a (MESSAGES 3 RECENT 0 UNSEEN 2)", true),
        ("status a (messages 2)", "STATUS a (RECENT 2 MESSAGES 3)", false),
        // Directives take the place of the defaults.
        ("1 fetch (flags ($!ordered a b))", "1 FETCH (FLAGS (b a))", false),
        ("1 fetch (flags ($!unordered a))", "1 FETCH (FLAGS (b a))", true),
        ("x ($!unordered $!noextra $!ignore=b a)", "X (b a)", true), ("x ($!unordered $!noextra $!ignore=b a)", "X (c a)", false),
        ("x ($!unordered $!noextra a)", "X ((c) a)", false),
        ("list ($!unordered $!ban=\\noselect \\marked) \"/\" a", "LIST (\\Marked \\NoSelect) \"/\" a", false),
        ("list ($!unordered $!ban=\\noselect \\marked) \"/\" a", "LIST (\\Marked \\HasChildren) \"/\" a", true),
        ("x (a b)", "X (b a)", false), ("x (a)", "X (a b)", false),
        // Status replies are beginnings.
        ("ok [read-write]", "OK [READ-WRITE] Selected (now)", true), ("ok [read-only]", "OK [READ-WRITE] Selected", false),
        ("bye", "BYE so long", true),
        ("ok [capability $] done", "OK [CAPABILITY IMAP4rev1 IDLE] Done.", true),
        // Variables, dollars and NUL.
        ("list () \"/\" ${mailbox}2", "LIST () \"/\" imaptest2", true), ("x $$hello", "X $hello", true), ("x $$hello", "X hello", false),
        ("x a$b$c", "X a1", true), ("x {3}\r\na\0b", "X {3}\r\na\0c", true),
    ])
    func `follows the format's rules`(pattern: String, reply: String, expected: Bool) throws {
        #expect(try Self.matches(pattern, reply) == expected)
    }

    @Test func `a variable keeps what it took`() throws {
        var matcher = ReplyMatcher(variables: ScriptVariables())
        #expect(try Self.outcome("ok [appenduid $validity $uid]", "OK [APPENDUID 17 4] done", &matcher) == .match)
        #expect(matcher.variables["validity"] == Array("17".utf8) && matcher.variables["uid"] == Array("4".utf8))
        #expect(try Self.outcome("1 fetch (uid $uid)", "1 FETCH (UID 5)", &matcher) == .mismatch(fitting: 2))
        #expect(try Self.outcome("esearch uid all $uid:$other", "ESEARCH UID ALL 4:9", &matcher) == .match)
        #expect(matcher.variables["other"] == Array("9".utf8))
    }

    @Test func `a failed attempt leaves no variable behind`() throws {
        var matcher = ReplyMatcher(variables: ScriptVariables())
        #expect(try Self.outcome("x $new b", "X a c", &matcher) == .mismatch(fitting: 2))
        #expect(matcher.variables["new"] == nil)
    }

    @Test func `sequences follow expunges`() throws {
        var matcher = ReplyMatcher(variables: ScriptVariables())
        matcher.variables.startSequences(count: 4)
        #expect(try Self.outcome("$1 expunge", "1 EXPUNGE", &matcher) == .match)
        matcher.variables.expunge(1)
        #expect(try Self.outcome("$3 expunge", "2 EXPUNGE", &matcher) == .match)
        #expect(try Self.outcome("$3 expunge", "3 EXPUNGE", &matcher) == .mismatch(fitting: 0))
        #expect(try Self.outcome("$1 expunge", "1 EXPUNGE", &matcher) == .mismatch(fitting: 0))
        #expect(try Self.outcome("$9 expunge", "9 EXPUNGE", &matcher) == .mismatch(fitting: 0))
    }

    @Test(arguments: [(2, 5, true), (2, 6, true), (10, 13, true), (10, 100, true), (1, 5, false), (2, 4, false), (10, 12, false)])
    func `modseq variables rise by at least their distance`(first: Int, second: Int, expected: Bool) throws {
        var matcher = ReplyMatcher(variables: ScriptVariables())
        let results = [
            try Self.outcome("1 fetch (modseq ($modseq2))", "1 FETCH (MODSEQ (\(first)))", &matcher),
            try Self.outcome("1 fetch (modseq ($modseq5))", "1 FETCH (MODSEQ (\(second)))", &matcher),
        ]
        #expect(results.allSatisfy { $0 == .match } == expected)
    }

    @Test(arguments: ["x ($!nonsense a)", "x ($!unordered=0 a)", "x ($!unordered=2 a)", "1 fetch (uid)", "x ($!unordered=two a)"])
    func `broken directives are refused`(pattern: String) throws {
        let tokens = try IMAPTokenizer.tokens(of: Array(pattern.utf8))
        #expect(throws: ReplyPattern.DirectiveError.self) { try ReplyPattern.patterns(of: tokens) }
    }

    @Test func `commands need every value`() throws {
        let variables = ScriptVariables(["mailbox": "box"])
        #expect(try ScriptPiece.expand(Array("select ${mailbox}2 $$x".utf8), variables) == Array("select box2 $x".utf8))
        #expect(throws: ScriptPiece.MissingVariable(name: "uid1")) { try ScriptPiece.expand(Array("fetch $uid1".utf8), variables) }
    }
}
