import MailTesting
import Testing

@Suite struct ImapTestPlayerTests {
    private static func play(_ script: String, _ answers: [(String, String?)], accounts: Int = 1) async throws -> (ImapTestOutcome, String)
    {
        let greeting = "* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n"
        let server = try LoopbackServer(
            greeting: greeting, answers: answers + [("LOGOUT", "* BYE\r\n% OK\r\n\0"), ("CAPABILITY", "% OK\r\n")])
        let parsed = try ImapTestScript.parse(Array(script.utf8))
        let player = ImapTestPlayer(
            port: server.port, accounts: (0..<accounts).map { ImapTestPlayer.Account(name: "u\($0)@x", password: "p") }, timeout: 5)
        let mbox = MboxMessages(Array("From a Fri Feb 22 17:06:23 2008\nhi\n".utf8))
        let outcome = try await onOwnThread { player.play(parsed, messages: mbox) }
        return (outcome, server.received)
    }

    @Test func `what is awaited comes`() async throws {
        let (outcome, _) = try await Self.play(
            "state: nonauth\n\nok x\n* search 1\n! search 3\n\ntag1 y\ntag2 z\n* ok [uidnext $n]\ntag1 no\ntag2 ok\n\n\"\" logout\n* bye\n",
            [
                ("x", "* SEARCH 1\r\n% OK\r\n"), (" y", "* OK [UIDNEXT 4]\r\n% NO\r\n"), (" z", "% OK\r\n"),
                ("logout", "* BYE\r\n% OK\r\n\0"),
            ])
        #expect(outcome == .passed(3))
    }

    @Test(arguments: [
        ("ok x", "% NO\r\n", 3, "ok"), ("ok x\n* search 1", "* SEARCH 2\r\n% OK\r\n", 4, "* search 1"),
        ("ok x\n! search 1", "* SEARCH 1\r\n% OK\r\n", 4, "not: search 1"), ("ok x $y", "", 3, "a value for $y"),
        ("x\nok [read-only]", "% OK [READ-WRITE]\r\n", 3, "ok [read-only]"),
    ])
    func `what comes otherwise is told`(commands: String, answer: String, line: Int, expected: String) async throws {
        let (outcome, _) = try await Self.play("state: nonauth\n\n\(commands)\n", [(" x", answer)])
        guard case .failed(let failures) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(failures.map(\.line) == [line] && failures.map(\.expected) == [expected])
    }

    @Test func `extra replies count when the script says so`() async throws {
        let script = "state: nonauth\nignore_extra_untagged: no\n\nok x\n* search 1\n"
        let (outcome, _) = try await Self.play(script, [(" x", "* SEARCH 1\r\n* 3 EXISTS\r\n% OK\r\n")])
        guard case .failed(let failures) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(failures.map(\.received) == ["3 EXISTS"])
    }

    @Test func `missing capabilities and accounts skip`() async throws {
        #expect(try await Self.play("state: nonauth\ncapabilities: idle MOVE imap4rev1\n\nok x\n", []).0 == .skipped("no IDLE MOVE"))
        #expect(try await Self.play("state: nonauth\nconnections: 2\nuser 2: $user2\n\n1 ok x\n", []).0 == .skipped("needs 2 accounts"))
    }

    @Test func `an early close is a failure`() async throws {
        let (outcome, _) = try await Self.play("state: nonauth\n\nok x\n", [(" x", nil)])
        guard case .failed = outcome else {
            Issue.record("\(outcome)")
            return
        }
        let (unsaid, _) = try await Self.play("state: nonauth\n\nok x\n* bye\n", [(" x", "* BYE\r\n\0")])
        #expect(unsaid != .passed(1), "OK is awaited, and does not come")
        let (awaited, _) = try await Self.play("state: nonauth\n\n\"\" x\n* bye\n", [(" x", "* BYE\r\n\0")])
        #expect(awaited == .passed(1))
    }

    @Test func `the mailbox is made anew and filled`() async throws {
        let (outcome, sent) = try await Self.play(
            "messages: 1\n\nok append $mailbox (\\seen)\nok noop\n",
            [
                ("LOGIN", "% OK\r\n"), ("CAPABILITY", "* CAPABILITY IMAP4rev1 LITERAL+\r\n% OK\r\n"),
                ("LIST", "* LIST () \"/\" imaptest/a\r\n* LIST () \"/\" imaptest\r\n% OK\r\n"),
                ("DELETE \"imaptest/a\"", "% OK\r\n"), ("DELETE", "% NO\r\n"), ("LSUB", "% OK\r\n"), ("CREATE", "% OK\r\n"),
                ("\r*", "c8 OK\r\n"),
            ])
        #expect(
            sent.contains("c7 CREATE \"imaptest\"\r\nc8 APPEND \"imaptest\" \"22-Feb-2008 17:06:23 +0000\" {4+}\r\nhi\r\n\r\n"),
            "\(outcome)")
    }

    @Test func `the report prints what counts`() {
        let failure = ImapTestFailure(line: 3, command: "x", expected: "ok", received: "NO")
        let report = ImapTestReport(results: [
            .init(name: "a", outcome: .passed(2)), .init(name: "b", outcome: .failed([failure])),
            .init(name: "c", outcome: .skipped("no MOVE")),
        ])
        let details = "  FAILED b\n    line 3: x\n      expected: ok\n      received: NO\n  skipped c: no MOVE"
        #expect(report.description == "1 groups passed, 1 failed, 1 skipped\n" + details)
    }
}
