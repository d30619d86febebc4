import Dialogue
import MailTesting
import POP3
import Testing

/// STLS: nothing of what came in the clear lives on (RFC 2595 §4), wherever the pieces are cut.
struct MaildropSessionSecurityTests {
    static let clear = "CAPA\r\nUSER u\r\nSTLS\r\nUSER u\r\nPASS p\r\nDELE 1\r\nQUIT\r\n"

    @Test(arguments: 0...clear.utf8.count)
    func nothingSurvivesTheHandshake(cut: Int) {
        var session = Outside.session(MaildropSession.Configuration(offersTLS: true, authentication: Outside.offer), isLoopback: true)
        let bytes = Array(Self.clear.utf8)
        var heard = ""
        var wantsTLS = false
        func pull() {
            while !wantsTLS {
                switch session.next() {
                case .reply(let bytes): heard += String(decoding: bytes, as: UTF8.self)
                case .ask:
                    Issue.record("a question")
                    session.resume(MaildropSession.failure)
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
        #expect(heard.hasSuffix("+OK Begin TLS negotiation\r\n"))
        session.secured(.plain)
        #expect(session.heldBytes == 0)
        (wantsTLS, heard) = (false, "")
        pull()
        #expect(heard.isEmpty)
        session.receive(Array("PASS p\r\n".utf8).span)
        pull()
        #expect(heard == "-ERR Send USER first\r\n")
    }

    @Test func aFailedHandshakeEnds() {
        var session = Outside.session(MaildropSession.Configuration(offersTLS: true), isLoopback: true)
        _ = session.next()
        session.receive(Array("STLS\r\nQUIT\r\n".utf8).span)
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
