import Dialogue
import MailTesting
import SMTP
import Testing

/// STARTTLS: nothing of what came in the clear lives on (RFC 3207 §4.2), wherever the pieces are cut.
struct ReceivingSessionSecurityTests {
    static let clear =
        "EHLO clear\r\nMAIL FROM:<a@b.test>\r\nSTARTTLS\r\nMAIL FROM:<forged@b.test>\r\nRCPT TO:<usuario@virtual.test>\r\nDATA\r\nforged\r\n.\r\nQUIT\r\n"

    @Test(arguments: 0...clear.utf8.count)
    func nothingSurvivesTheHandshake(cut: Int) {
        var session = ReceivingSession(
            configuration: Configuration(hostname: "mail.example", offersTLS: true, authentication: Outside.offer),
            connection: Outside.connection)
        var heard = ""
        var asked: [Question] = []
        var wantsTLS = false
        func pull() {
            while !wantsTLS {
                switch session.next() {
                case .reply(let bytes): heard += String(decoding: bytes, as: UTF8.self)
                case .ask(let question):
                    asked.append(question)
                    session.resume(Outside.answer(question))
                case .startTLS: wantsTLS = true
                case .body: Issue.record("a body")
                case .needInput: return
                case .close:
                    Issue.record("closed")
                    return
                }
            }
        }
        let bytes = Array(Self.clear.utf8)
        pull()
        session.receive(Array(bytes[..<cut]).span)
        pull()
        session.receive(Array(bytes[cut...]).span)
        pull()
        #expect(wantsTLS)
        #expect(heard.hasSuffix("220 2.0.0 Ready to start TLS\r\n"))
        session.secured(.plain)
        #expect(session.heldBytes == 0)
        wantsTLS = false
        (heard, asked) = ("", [])
        pull()
        #expect(heard.isEmpty && asked.isEmpty)
        session.receive(Array("RCPT TO:<usuario@virtual.test>\r\nNOOP\r\n".utf8).span)
        pull()
        #expect(heard == "503 5.5.1 Need MAIL first\r\n250 2.0.0 Ok\r\n")
    }

    /// A handshake that never happened leaves nothing to talk over.
    @Test func aFailedHandshakeEnds() {
        var session = ReceivingSession(
            configuration: Configuration(hostname: "mail.example", offersTLS: true), connection: Outside.connection)
        _ = session.next()
        session.receive(Array("STARTTLS\r\nQUIT\r\n".utf8).span)
        #expect(session.next() == .reply(Array("220 2.0.0 Ready to start TLS\r\n".utf8)))
        #expect(session.next() == .startTLS)
        session.receiveEnd()
        #expect(session.next() == .close)
    }

    /// What the trace is told never holds what the client sent in AUTH.
    @Test(arguments: [
        "AUTH PLAIN c2VjcmV0bw==", "EHLO x|AUTH PLAIN c2VjcmV0bw== x", "EHLO x|AUTH GSSAPI c2VjcmV0bw==", "EHLO x|AUTH PLAIN c2VjcmV0bw=",
        "EHLO x|AUTH PLAIN c2VjcmV0bw==|c2VjcmV0bw==", "EHLO x|MAIL FROM:<>|AUTH PLAIN c2VjcmV0bw==",
        // Whoever does not wait for the answer sends names and passwords as commands.
        "AUTH LOGIN|c2VjcmV0bw==", "EHLO x|MAIL FROM:<>|AUTH LOGIN|c2VjcmV0bw==|x c2VjcmV0bw==", "EHLO x|AUTH|c2VjcmV0bw==",
        "EHLO x|AUTH LOGIN \(String(repeating: "x", count: 20_000))|c2VjcmV0bw==", "EHLO x|AUTHENTICATE LOGIN|c2VjcmV0bw==",
        "AUTH LOGIN|c2VjcmV0bw==\n", "AUTH LOGIN|c2VjcmV0bw==\0",
        "EHLO x|AUTH CRAM-MD5|c2VjcmV0bw=", "EHLO x|AUTH CRAM-MD5|c2VjcmV0bw==\n", "EHLO x|AUTH PLAIN c2VjcmV0bw==\0",
    ])
    func notesHoldNoSecret(lines: String) {
        var notes: [RefusalNote] = []
        var session = ReceivingSession(
            configuration: Configuration(hostname: "mail.example", authentication: Outside.offer), connection: Outside.connection)
        Outside.drive(&session, lines.replacing("|", with: "\r\n") + "\r\n", cut: 65_536) { step in
            guard case .ask(let question) = step else { return .accepted }
            if case .refused(let note) = question { notes.append(note) }
            if case .authenticate(.begin) = question { return .authentication(.challenge([])) }
            return Outside.answer(question)
        }
        #expect(!notes.isEmpty)
        for note in notes { #expect(!"\(note)".uppercased().contains("C2VJCMV0BW")) }
    }
}
