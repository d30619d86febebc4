import Dialogue
import Mail
import MailTesting
import SMTP
import Testing

struct ReceivingSessionTests {
    @Test(arguments: try Dialog.all(beside: #filePath))
    func dialog(_ dialog: Dialog) {
        #expect(dialog.play(session: Outside.session(for:), world: Outside.world(for:)).isEmpty)
    }

    // MARK: SMTP smuggling: every way to write an end of a message that is none.

    static let lineEnds = ["\r\n", "\n", "\r", "\n\r", "\r\r\n", "\r\n\r"]

    static func isTrueEnd(_ before: String, _ after: String) -> Bool { before.hasSuffix("\r\n") && after.hasPrefix("\r\n") }

    /// DATA, a message, a wrong end and the message that is to be smuggled in, in one piece.
    @Test(arguments: lineEnds, lineEnds)
    func smugglingInOnePiece(before: String, after: String) {
        if Self.isTrueEnd(before, after) { return }
        let input =
            "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\nDATA\r\nSubject: x\r\n\r\nbody\(before).\(after)"
            + "MAIL FROM:<forged@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\nDATA\r\nforged\r\n.\r\nQUIT\r\n"
        for cut in [1, 2, 3, 7, 64, 65_536] {
            let heard = Outside.converse(input, cut: cut)
            #expect(heard.delivered.allSatisfy { $0.reversePath != forged })
            // A piece that ends where the wrong end does is answered at once; otherwise at the true end. Never with 250.
            #expect(heard.delivered.isEmpty)
            #expect(heard.said.contains("550 5.5.2") || heard.said.contains("550 5.6.0"))
        }
    }

    /// The peer stops behind its wrong end and waits.
    @Test(arguments: lineEnds, lineEnds)
    func smugglingAndWaiting(before: String, after: String) {
        if Self.isTrueEnd(before, after) { return }
        let input = "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\nDATA\r\nSubject: x\r\n\r\nbody\(before).\(after)"
        for cut in [1, 2, 3, 7, 64, 65_536] {
            var heard = Outside.converse(input, cut: cut, endsInput: false)
            // CRLF, dot, CR can be the beginning of the true end: the session waits a little.
            if before.hasSuffix("\r\n"), after == "\r" {
                #expect(!heard.isClosed)
                heard = Outside.converse(input, cut: cut, endsInput: false, expires: true)
            }
            #expect(heard.isClosed)
            #expect(heard.said.hasSuffix("\r\n") && heard.said.contains("\r\n550 5.5.2"))
            #expect(heard.delivered.isEmpty)
        }
    }

    @Test(arguments: lineEnds, lineEnds)
    func smugglingInChunks(before: String, after: String) {
        let isRight = before == "\r\n" && after == "\r\n"
        let content = "Subject: x\r\n\r\nbody\(before).\(after)MAIL FROM:<forged@b.test>\r\n"
        for split in 0...content.utf8.count {
            let first = String(decoding: Array(content.utf8).prefix(split), as: UTF8.self)
            let second = String(decoding: Array(content.utf8).dropFirst(split), as: UTF8.self)
            let input =
                "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\nBDAT \(split)\r\n\(first)"
                + "BDAT \(second.utf8.count) LAST\r\n\(second)QUIT\r\n"
            for cut in [1, 3, 65_536] {
                let heard = Outside.converse(input, cut: cut)
                #expect(heard.delivered.count == (isRight ? 1 : 0))
                #expect(heard.said.contains("550 5.6.0") == !isRight)
                #expect(heard.said.hasSuffix(isRight ? "221 2.0.0 Bye\r\n" : " is not part of a CRLF; closing\r\n"))
                #expect(heard.isClosed)
            }
        }
    }

    /// A message with a bare LF is refused at its true end, and nothing that was sent behind it is executed; also when it is too
    /// large as well.
    @Test(arguments: ["\nx", "x\ny\r\n", "x\ry\r\n", "x\r\r\n", String(repeating: "x", count: 2_000) + "\nx\r\n"])
    func nothingBehindADirtyMessage(content: String) {
        let start = "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\n"
        let forged = "MAIL FROM:<forged@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\nDATA\r\nforged\r\n.\r\nQUIT\r\n"
        let end = content.hasSuffix("\r\n") ? ".\r\n" : "\r\n.\r\n"
        let inChunk = "BDAT \(content.utf8.count) LAST\r\n\(content)"
        for input in [start + "DATA\r\n" + content + end + forged, content.utf8.count < 1_000 ? start + inChunk + forged : nil] {
            guard let input else { continue }
            for cut in [1, 7, 65_536] {
                let heard = Outside.converse(input, cut: cut, maximumSize: 1_000)
                #expect(heard.delivered.isEmpty)
                #expect(heard.said.hasSuffix("\r\n550 5.6.0 The message holds a CR or LF that is not part of a CRLF; closing\r\n"))
                #expect(heard.isClosed)
            }
        }
    }

    // MARK: Notes

    /// A note names whom the refusal is about, and nobody else.
    @Test(
        arguments: [
            ("MAIL FROM:<\u{1}a@b.test> SIZE=x", nil, [], "FROM:<a@b.test> SIZE=x"),
            ("MAIL x", nil, [], "x"),
            ("MAIL FROM:<a@b.test>|RCPT TO:<u1@virtual.test>|MAIL FROM:<c@b.test>", "a@b.test", [], "FROM:<c@b.test>"),
            ("MAIL FROM:<a@b.test>|RCPT TO:<u1@virtual.test>|RCPT TO:<broken", "a@b.test", [], "TO:<broken"),
            (
                "MAIL FROM:<a@b.test>|RCPT TO:<u1@virtual.test>|RCPT TO:<u2@virtual.test> X=Y", "a@b.test", ["u2@virtual.test"],
                "TO:<u2@virtual.test> X=Y"
            ),
            (
                "MAIL FROM:<a@b.test>|RCPT TO:<u1@virtual.test>|RCPT TO:<u2@virtual.test>|RCPT TO:<u3@virtual.test>", "a@b.test",
                ["u3@virtual.test"], "TO:<u3@virtual.test>"
            ),
            (
                "MAIL FROM:<a@b.test>|RCPT TO:<u1@virtual.test>|RCPT TO:<u2@virtual.test>|DATA|x\ny|.", "a@b.test",
                ["u1@virtual.test", "u2@virtual.test"], ""
            ),
            ("NONSENSE \(String(repeating: "é", count: 400))", nil, [], String(repeating: "é", count: 160)),
            ("VRFY", nil, [], ""),
        ] as [(String, String?, [String], String)])
    func notesNameTheirSubject(_ lines: String, _ sender: String?, _ recipients: [String], _ subject: String) {
        let input = "EHLO x\r\n" + lines.replacing("|", with: "\r\n") + "\r\n"
        let heard = Outside.converse(input, cut: 65_536, maximumSize: 1_000, maximumRecipients: 2)
        #expect(heard.notes.count == 1)
        guard let note = heard.notes.first else { return }
        #expect(note.subject == subject)
        #expect(note.reversePath == sender.flatMap(Outside.address).map(ReversePath.mailbox))
        #expect(note.recipients == recipients.compactMap(Outside.address).map(ForwardPath.mailbox))
    }

    // MARK: Floods

    @Test func commandsWithoutEffectMeetALimit() {
        let start = "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\n"
        for flood in ["RCPT TO:<usuario@virtual.test>\r\n", "BDAT 0\r\n"] {
            let heard = Outside.converse(start + String(repeating: flood, count: 1_000), cut: 65_536, maximumRecipients: 1)
            #expect(heard.isClosed)
            #expect(heard.said.hasSuffix("421 4.7.0 Too many commands without a message, closing\r\n"))
            #expect(heard.said.utf8.count < 10_000)
        }
    }

    // MARK: Smuggling in commands

    /// What stands behind a command line with a wrong end is not executed.
    @Test(arguments: ["\n", "\r", "\r\r\n", "\n\r", " \n", "\rNOOP\r\n"])
    func smugglingInCommands(end: String) {
        let input = "EHLO x\r\nNOOP\(end)MAIL FROM:<forged@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\nDATA\r\nforged\r\n.\r\n"
        for cut in [1, 3, 65_536] {
            let heard = Outside.converse(input, cut: cut)
            #expect(heard.delivered.isEmpty)
            #expect(heard.said.hasSuffix("\r\n550 5.5.2 Lines must end with CRLF, and CR or LF stand nowhere else; closing\r\n"))
            #expect(heard.isClosed)
        }
    }

    private let forged = Outside.address("forged@b.test").map(ReversePath.mailbox)

    // MARK: Answers that nobody expects

    @Test func wrongKindsOfAnswersAreFailures() {
        let configuration = Configuration(hostname: "mail.example")
        for kind in 0..<3 {
            var heard = ""
            var session = ReceivingSession(configuration: configuration, connection: Outside.connection)
            var asked = 0
            Outside.drive(&session, "EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<u@virtual.test>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n", cut: 65_536)
            { step in
                switch step {
                case .reply(let bytes): heard += String(decoding: bytes, as: UTF8.self)
                case .ask(let question):
                    if case .refused = question { return .accepted }
                    asked += 1
                    return asked - 1 == kind ? .delivered(queueID: "x") : .accepted
                case .body, .startTLS, .needInput, .close: break
                }
                return .accepted
            }
            #expect(heard.contains("451 4.3.0"))
            #expect(!heard.contains("queued"))
        }
    }

    @Test func nothingIsSaidAfterTheEnd() {
        var session = ReceivingSession(configuration: Configuration(hostname: "mail.example"), connection: Outside.connection)
        Outside.drive(&session, "QUIT\r\nNOOP\r\n", cut: 100) { _ in .accepted }
        #expect(session.heldBytes == 0)
        session.receive(Array("NOOP\r\n".utf8).span)
        session.expire()
        session.shutDown()
        for _ in 0..<3 { #expect(session.next() == .close) }
        #expect(session.heldBytes == 0)
    }

    // MARK: Bounds

    @Test func contentIsStreamed() {
        let line = String(repeating: "x", count: 998) + "\r\n"
        let content = String(repeating: line, count: 2000)
        var largest = 0
        var total = 0
        var session = ReceivingSession(configuration: Configuration(hostname: "mail.example"), connection: Outside.connection)
        let input = "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<u@virtual.test>\r\nDATA\r\n" + content + ".\r\n"
        Outside.drive(&session, input, cut: 65_536) { step in
            if case .body(let bytes) = step {
                largest = max(largest, bytes.count)
                total += bytes.count
            }
            if case .ask(.deliver(let transaction)) = step { #expect(transaction.size == content.utf8.count) }
            return .accepted
        }
        #expect(total == content.utf8.count)
        #expect(largest <= 65_536)
    }

    @Test func repliesAreWellFormed() {
        let reply = Reply(550, "5.1.1", lines: ["a\r\n250 forged", "é", String(repeating: "x", count: 2000)])
        let text = String(decoding: reply.wire(), as: UTF8.self)
        #expect(text.hasPrefix("550-5.1.1 a??250 forged\r\n550-5.1.1 ??\r\n550 5.1.1 xxx"))
        // RFC 5321 §4.5.3.1.5.
        #expect(text.split(separator: "\r\n").allSatisfy { $0.utf8.count <= 510 })
        #expect(String(decoding: Reply(250, "2.0.0", "é").wire(allowUTF8: true), as: UTF8.self) == "250 2.0.0 é\r\n")
    }
}
