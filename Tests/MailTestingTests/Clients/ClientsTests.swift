import MailTesting
import Testing

@Suite struct ClientsTests {
    @Test func `SMTP: a message, stuffed, and a clean end`() async throws {
        let server = try LoopbackServer(
            greeting: "220-mail\r\n220 ready\r\n",
            answers: [
                ("EHLO", "250-hello\r\n250-SIZE 1000\r\n250 PIPELINING\r\n"), ("MAIL", "250 2.1.0 ok\r\n"), ("RCPT", "250 2.1.5 ok\r\n"),
                ("RCPT", "550 5.1.1 nobody\r\n"), ("RCPT", "250 ok\r\n"), ("MAIL", "250 ok\r\n"), ("DATA", "354 go\r\n"), (".\r", nil),
            ])
        try await onOwnThread {
            let client = try SMTPClient(port: server.port, timeout: 5)
            #expect(client.greeting == SMTPClient.Reply(code: 220, lines: ["mail", "ready"]))
            #expect(try client.ehlo() == ["SIZE": "1000", "PIPELINING": ""])
            let refused = try client.submit(from: "a@x", to: ["b@x", "c@x"], message: [])
            #expect(refused.code == 550 && refused.enhanced == "5.1.1" && !refused.isPositive)
            let error = #expect(throws: ClientError.self) { try client.submit(from: "", to: ["b@x"], message: Array(".a\r\n".utf8)) }
            #expect(error?.reason == .closed && error?.transcript.contains("S: 550 5.1.1 nobody") ?? false)
        }
        #expect(server.received.hasSuffix("DATA\r\n..a\r\n.\r\n"))
    }

    @Test(arguments: [("", ".\r\n"), ("a", "a\r\n.\r\n"), (".\r\n..\r\n", "..\r\n...\r\n.\r\n"), ("a.\r\n", "a.\r\n.\r\n")])
    func `dot-stuffing`(message: String, expected: String) {
        #expect(SMTPClient.stuffed(Array(message.utf8)) == Array(expected.utf8))
    }

    @Test func `POP3: lines with dots undone`() async throws {
        let server = try LoopbackServer(
            greeting: "+OK hi\r\n",
            answers: [
                ("USER", "+OK\r\n"), ("PASS", "+OK in\r\n"), ("STAT", "+OK 2 300\r\n"), ("RETR", "+OK\r\na\r\n..b\r\n\r\n.\r\n"),
                ("UIDL", "+OK\r\n1 x\r\n2 y\r\n.\r\n"), ("DELE", "-ERR no\r\n"), ("QUIT", "+OK bye\r\nmore\r\n"), ("NOOP", nil),
            ])
        try await onOwnThread {
            let client = try POP3Client(port: server.port, timeout: 5)
            #expect(try client.login("u", "p").text == "in")
            #expect(try client.stat() == (2, 300))
            #expect(try client.retrieve(1) == Array("a\r\n.b\r\n\r\n".utf8))
            #expect(try client.uniqueIDs() == [1: "x", 2: "y"])
            #expect(try client.command("DELE 1") == POP3Client.Reply(isOK: false, text: "no"))
            client.connection.finishSending()
        }
    }

    @Test func `IMAP: literals both ways, and early replies`() async throws {
        let server = try LoopbackServer(
            greeting: "* OK [CAPABILITY IMAP4rev1] hi\r\n",
            answers: [
                ("APPEND", "* 3 EXISTS\r\n+ go\r\n"), ("body", "c1 OK [APPENDUID 1 2] done\r\n"),
                ("FETCH", "* 1 FETCH (BODY[] {7}\r\na {2}\r\n UID 4)\r\n* 1 FETCH (BODY[] {4}\r\n)\"\r\n)\r\n% OK done {3}\r\n"),
                ("APPEND", "% NO [TRYCREATE] none\r\n"),
            ])
        try await onOwnThread {
            let client = try IMAPClient(port: server.port, timeout: 5)
            #expect(client.capabilities == ["IMAP4REV1"])
            let appended = try client.append(Array("body".utf8), to: "a\"b", options: "(\\Seen)")
            #expect(appended.replies("EXISTS").map(\.number) == [3] && appended.tagged.code == "APPENDUID 1 2")
            #expect(try client.body(of: 1) == Array("a {2}\r\n".utf8))
            let error = #expect(throws: ClientError.self) { try client.append([0x61], to: "x") }
            #expect(error?.reason == .refused("NO [TRYCREATE] none"))
        }
        #expect(server.received.hasPrefix("c1 APPEND \"a\\\"b\" (\\Seen) {4}\r\nbody\r\n"))
    }

    @Test func `IMAP: a literal goes at once where the server allows it`() async throws {
        let server = try LoopbackServer(
            greeting: "* OK [CAPABILITY LITERAL-] hi\r\n", answers: [("abc", "c1 OK\r\n"), ("LOGOUT", "* BYE x\r\nc2 OK\r\n+ more\r\n")])
        try await onOwnThread {
            let client = try IMAPClient(port: server.port, timeout: 5)
            #expect(try client.command("X ", .literal8(Array("abc".utf8))).isOK)
        }
        #expect(server.received == "c1 X ~{3+}\r\nabc\r\n")
    }

    @Test(arguments: ["* OK hi\n", "nonsense\r\n", "* 1 FETCH (\r\n"])
    func `what is no IMAP is named`(greeting: String) async throws {
        let server = try LoopbackServer(greeting: greeting, answers: [])
        let error = await #expect(throws: ClientError.self) {
            try await onOwnThread { _ = try IMAPClient(port: server.port, timeout: 5) }
        }
        guard case .malformed = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `silence ends in a time-out`() async throws {
        let server = try LoopbackServer(greeting: "220 partial", answers: [])
        let error = await #expect(throws: ClientError.self) {
            try await onOwnThread { _ = try SMTPClient(port: server.port, timeout: 1) }
        }
        #expect(error?.reason == .timedOut)
    }

    @Test func `the log stays small`() {
        var log = ConversationLog()
        for number in 0..<5_000 { log.add("S", Array("\(number)\r\n".utf8)) }
        log.add("C", [UInt8](repeating: 0, count: 100_000))
        #expect(log.text.count < 20_000 && log.text.contains("S: 4999\n") && log.text.hasSuffix("(100000 bytes)"))
    }
}
