import Testing

@testable import IMAP

struct MailboxNameTests {
    @Test(arguments: [
        ("inbox", "INBOX"), ("Inbox/a", "INBOX/a"), ("inboxes", "inboxes"), ("a/inbox", "a/inbox"), ("p&AOQ-", "pä"), ("pä", "pä"),
        ("a b", "a b"),
    ])
    func `accepted`(_ wire: String, _ name: String) throws {
        #expect(try MailboxName(wire: Array(wire.utf8)).text == name)
    }

    @Test(arguments: [
        "", "/", "a//b", "/a", "a/", "a&", "&AAA-", "a\u{1}", "&AH8-", String(repeating: "x", count: 256),
        String(repeating: "a/", count: 40) + "a", String(repeating: "abcdefghi/", count: 101) + "a",
    ])
    func `refused`(_ wire: String) {
        #expect(throws: CommandError.self) { try MailboxName(wire: Array(wire.utf8)) }
    }

    @Test func `bytes that are no text are refused`() {
        #expect(throws: CommandError.self) { try MailboxName(wire: [0x61, 0xFF]) }
    }
}
