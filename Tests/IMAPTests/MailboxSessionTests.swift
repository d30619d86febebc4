import Dialogue
import IMAP
import Mail
import MailTesting
import Testing

extension Connection {
    static func from(loopback: Bool) -> Connection {
        Connection(
            peerAddress: loopback ? "127.0.0.1" : "192.0.2.1", peerPort: 5_000, localAddress: "127.0.0.1", localPort: 143,
            isLoopback: loopback, id: 1)
    }
}

extension AuthenticationOffer {
    static let tested = AuthenticationOffer(
        inTheClear: ["CRAM-MD5"], protected: ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"], bound: ["SCRAM-SHA-256-PLUS"])
}

/// A user's mailboxes as dialogs find them: three messages in INBOX.
func filledMailboxes(_ scenario: String = "") -> InMemoryMailboxes {
    let mailboxes = InMemoryMailboxes()
    if scenario == "empty" { return mailboxes }
    for subject in ["one", "two", "three"] { mailboxes.deliver(InMemoryMailboxes.message(subject: subject)) }
    if scenario == "mime" { mailboxes.deliver(Array(multipart.utf8), prefix: Array("Return-Path: <ana@a.test>\r\n".utf8)) }
    return mailboxes
}

let multipart = """
    From: Ana <ana@a.test>\r
    Subject: =?utf-8?Q?A=C3=B1o?=\r
    MIME-Version: 1.0\r
    Content-Type: multipart/mixed; boundary=x\r
    \r
    --x\r
    Content-Type: text/plain; charset=iso-8859-1\r
    Content-Transfer-Encoding: quoted-printable\r
    \r
    Espa=F1a =\r
    entera\r
    --x\r
    Content-Type: message/rfc822\r
    \r
    Subject: within\r
    \r
    Inner\r
    --x--\r

    """

struct MailboxSessionTests {
    @Test(arguments: try Dialog.all(beside: #filePath))
    func `dialog`(_ dialog: Dialog) {
        let complaints = dialog.play { dialog in
            var limits = Limits()
            if dialog.options["small"] != nil {
                limits.literal = 64
                limits.command = 256
                limits.unauthenticatedCommand = 128
                limits.drainedLiteral = 2_000
                limits.authenticationLine = 64
                limits.seenPage = 2
                limits.storePage = 2
            }
            return MailboxSession(
                connection: .from(loopback: dialog.options["remote"] == nil),
                configuration: Configuration(
                    hostname: "mail.test", limits: limits, maximumMessageSize: dialog.options["small"] == nil ? 52_428_800 : 1_000,
                    offersTLS: dialog.options["offersTLS"] != nil, authentication: .tested))
        } world: {
            filledMailboxes($0.scenario).world
        }
        #expect(complaints.first == nil)
    }
}
