import MailTesting
import Testing

@Suite struct MboxMessagesTests {
    @Test func `messages in turn, and again from the front`() {
        let mbox =
            "From a  Fri Feb 22 17:06:23 2008 +0200\nSubject: 1\n\nFrom here on\n\nFrom b  Sat Mar  1 01:02:03 2008\r\nSubject: 2\r\n\n"
        var messages = MboxMessages(Array(mbox.utf8))
        let first = MboxMessages.Message(
            octets: Array("Subject: 1\r\n\r\nFrom here on\r\n\r\n".utf8), internalDate: "22-Feb-2008 17:06:23 +0200")
        let second = MboxMessages.Message(octets: Array("Subject: 2\r\n\r\n".utf8), internalDate: "01-Mar-2008 01:02:03 +0000")
        #expect(messages.messages == [first, second])
        #expect([messages.next(), messages.next(), messages.next()] == [first, second, first])
    }

    @Test func `no mbox, no message`() {
        var messages = MboxMessages(Array("Subject: none\n".utf8))
        #expect(messages.next() == nil)
    }
}
