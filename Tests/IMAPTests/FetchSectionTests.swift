import Dialogue
import Mail
import MailTesting
import Testing

@testable import IMAP

/// Sections of what a recipient sees: trace fields before the original, a range of it hidden, an original without header.
struct FetchSectionTests {
    private static func fetch(_ section: String, _ mailboxes: InMemoryMailboxes) -> [UInt8]? {
        var session = MailboxSession(connection: .from(loopback: true), configuration: Configuration(hostname: "mail.test"))
        let input = Array("a LOGIN usuario@virtual.test secreto\r\nb EXAMINE INBOX\r\nc FETCH 1 BODY.PEEK[\(section)]\r\n".utf8)
        session.receive(input.span)
        var said: [UInt8] = []
        loop: while true {
            switch session.next() {
            case .reply(let reply): said += reply
            case .ask(let question): session.resume(mailboxes.answer(question))
            case .startTLS, .body: break
            case .needInput, .close: break loop
            }
        }
        let text = String(decoding: said, as: UTF8.self)
        guard let begin = text.firstRange(of: "FETCH (BODY[\(section)] {") else { return nil }
        let rest = Array(text[begin.upperBound...].utf8)
        guard let brace = rest.firstIndex(of: 0x7D), let length = Int(String(decoding: rest[..<brace], as: UTF8.self)) else { return nil }
        let value = rest[(brace + 3)...].prefix(length)
        return rest[(brace + 3 + length)...].starts(with: ")\r\nc OK".utf8) ? Array(value) : nil
    }

    private static let original = Array(
        "From: a@b.test\r\nSubject: offer\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n"
            .utf8)

    private static func tagged() -> InMemoryMailboxes {
        let mailboxes = InMemoryMailboxes()
        // The original's Subject is hidden, the prefix has another one.
        mailboxes.deliver(
            original, prefix: Array("X-Spam: yes\r\nSubject: [spam] offer\r\n".utf8), hidden: 16..<32)
        return mailboxes
    }

    @Test(arguments: [
        (
            "HEADER",
            "X-Spam: yes\r\nSubject: [spam] offer\r\nFrom: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        ),
        ("TEXT", "--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n"), ("1", "one"), ("2", "two"), ("2.MIME", "\r\n"),
        ("HEADER.FIELDS (SUBJECT)", "Subject: [spam] offer\r\n\r\n"),
        ("HEADER.FIELDS.NOT (SUBJECT x-spam)", "From: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"),
    ])
    func `of a tagged message`(_ section: String, _ expected: String) {
        #expect(Self.fetch(section, Self.tagged()) == Array(expected.utf8))
    }

    @Test(arguments: [
        (["SUBJECT"], false, "Subject: x\r\nsubject : y\r\n z\r\n\r\n"), (["FROM", "A"], false, "From: b\r\nA:\r\n\r\n"),
        (["SUBJECT", "FROM"], true, "A:\r\n\r\n"), ([], false, "\r\n"), (["SUB", "SUBJECTS", ""], false, "\r\n"),
    ])
    func `fields by name`(_ names: [String], _ isInverted: Bool, _ expected: String) {
        let bytes = Array("Subject: x\r\nFrom: b\r\nsubject : y\r\n z\r\nA:\r\n\r\n".utf8)
        let header = FetchedHeader(range: 0..<bytes.count, bytes: bytes)
        #expect(String(decoding: header.selecting(names.map { Array($0.utf8) }, isInverted: isInverted), as: UTF8.self) == expected)
    }

    @Test func `whole is header and text`() throws {
        let mailboxes = Self.tagged()
        let whole = try #require(Self.fetch("", mailboxes))
        #expect(whole == mailboxes.mailboxes["INBOX"]?.messages.first?.bytes)
        #expect(whole == (Self.fetch("HEADER", mailboxes) ?? []) + (Self.fetch("TEXT", mailboxes) ?? []))
    }

    @Test func `an original without header`() {
        let mailboxes = InMemoryMailboxes()
        mailboxes.deliver(Array("hello there\r\n".utf8), prefix: Array("Return-Path: <>\r\n\r\n".utf8))
        #expect(Self.fetch("HEADER", mailboxes) == Array("Return-Path: <>\r\n\r\n".utf8))
        #expect(Self.fetch("TEXT", mailboxes) == Array("hello there\r\n".utf8))
        #expect(Self.fetch("1", mailboxes) == Array("hello there\r\n".utf8))
    }

    @Test(arguments: [(0, 5), (10, 15), (12, 15), (20, 15), (25, 20)])
    func `offsets`(_ offset: Int, _ expected: Int) {
        let body = BodyReference(id: 1, length: 40, prefix: [1, 2, 3, 4, 5], hidden: 10..<20)
        #expect(body.visible(offset..<40) == expected..<35)
    }
}
