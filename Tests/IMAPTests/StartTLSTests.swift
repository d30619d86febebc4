import Dialogue
import IMAP
import MailTesting
import Testing

/// STARTTLS: nothing of what came in the clear lives on (RFC 3501 §6.2.1), wherever the pieces are cut.
struct StartTLSTests {
    static let clear = "a CAPABILITY\r\nb STARTTLS\r\nc LOGIN usuario@virtual.test secreto\r\nd LOGIN {10}\r\ne LOGIN {10+}\r\n"

    @Test(arguments: 0...clear.utf8.count)
    func nothingSurvivesTheHandshake(cut: Int) {
        var session = MailboxSession(
            connection: .from(loopback: true), configuration: Configuration(hostname: "mail.test", offersTLS: true, authentication: .tested)
        )
        let bytes = Array(Self.clear.utf8)
        var heard = ""
        var wantsTLS = false
        func pull() {
            while !wantsTLS {
                switch session.next() {
                case .reply(let bytes): heard += String(decoding: bytes, as: UTF8.self)
                case .ask:
                    Issue.record("a question")
                    session.resume(MailboxSession.failure)
                case .startTLS: wantsTLS = true
                case .body, .close:
                    Issue.record("not here")
                    return
                case .needInput: return
                }
            }
        }
        pull()
        session.receive(Array(bytes[..<cut]).span)
        pull()
        session.receive(Array(bytes[cut...]).span)
        pull()
        #expect(wantsTLS)
        #expect(heard.hasSuffix("b OK Begin TLS negotiation now\r\n"))
        session.secured(.plain)
        #expect(session.heldBytes == 0)
        (wantsTLS, heard) = (false, "")
        pull()
        #expect(heard.isEmpty)
        session.receive(Array("f SELECT INBOX\r\n".utf8).span)
        pull()
        #expect(heard == "f BAD Log in first\r\n")
    }

    @Test func aFailedHandshakeEnds() {
        var session = MailboxSession(
            connection: .from(loopback: true), configuration: Configuration(hostname: "mail.test", offersTLS: true))
        _ = session.next()
        session.receive(Array("a STARTTLS\r\nb LOGOUT\r\n".utf8).span)
        guard case .reply = session.next(), case .startTLS = session.next() else {
            Issue.record("no handshake")
            return
        }
        session.receiveEnd()
        guard case .close = session.next() else {
            Issue.record("goes on")
            return
        }
    }
}
