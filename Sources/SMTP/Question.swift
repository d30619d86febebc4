package import Dialogue
package import Mail

/// What an SMTP session cannot decide by itself. Who answers is not its business.
package enum Question: Sendable, Equatable {
    /// MAIL is well-formed and may come now. Answers: `.accepted`, `.refused`.
    case sender(ReversePath, MailParameters)
    /// RCPT is well-formed and may come now. Answers: `.accepted`, `.refused`.
    case recipient(ForwardPath, RecipientParameters)
    /// DATA or the first BDAT of a transaction: open a spool. `.body` steps follow. Answers: `.accepted`, `.refused`.
    case openBody
    /// The content is whole and well-formed: judge it, store it durably. Answers: `.refused` with any reply, or `.delivered`.
    case deliver(Transaction)
    /// The content that was being received is not wanted: drop the spool. Answer: `.accepted`.
    case discardBody
    /// The session itself refused something, for the trace. Answer: `.accepted`.
    case refused(RefusalNote)
    /// ETRN (RFC 1985) for a domain. Answer: `.refused` with the reply to send (a 2xx one where it is granted).
    case flushQueue(String)
    /// AUTH (RFC 4954). Answer: `.authentication`.
    case authenticate(AuthenticationMove)
}

package enum Answer: Sendable, Equatable {
    case accepted
    case refused(Reply)
    /// Durably stored under this queue id: `250 2.0.0 Ok: queued as …`.
    case delivered(queueID: String)
    case authentication(AuthenticationOutcome)
}

/// One mail transaction (RFC 5321 §3.3) when its content is whole. The content itself is in the spool.
package struct Transaction: Sendable, Equatable {
    /// The name that the peer gave in EHLO or HELO, as it came. Empty when it gave none.
    package var greeting: String
    /// RFC 3848: `SMTP`, `ESMTP`, `UTF8SMTP`…, for the Received field.
    package var transmissionType: String
    package var reversePath: ReversePath
    package var mail: MailParameters
    /// Who logged in, folded; nil for nobody.
    package var login: String?
    /// In the order in which RCPT accepted them, duplicates included.
    package var recipients: [Recipient]
    /// Content bytes in the spool.
    package var size: Int

    package struct Recipient: Sendable, Equatable {
        package var path: ForwardPath
        package var parameters: RecipientParameters

        package init(path: ForwardPath, parameters: RecipientParameters) {
            self.path = path
            self.parameters = parameters
        }
    }

    package init(
        greeting: String, transmissionType: String, reversePath: ReversePath, mail: MailParameters, recipients: [Recipient], size: Int,
        login: String? = nil
    ) {
        self.greeting = greeting
        self.transmissionType = transmissionType
        self.reversePath = reversePath
        self.mail = mail
        self.recipients = recipients
        self.size = size
        self.login = login
    }
}

/// `<>` or `<mailbox>` (RFC 5321 §4.1.2).
package enum ReversePath: Sendable, Equatable, Hashable {
    case null
    case mailbox(Address)
}

/// `<mailbox>`, or `<postmaster>` without a domain (RFC 5321 §4.5.1).
package enum ForwardPath: Sendable, Equatable, Hashable {
    case postmaster
    case mailbox(Address)
}

/// The ESMTP parameters of MAIL.
package struct MailParameters: Sendable, Equatable {
    /// RFC 1870 SIZE, in bytes.
    package var size: Int?
    /// RFC 6152 BODY.
    package var body: BodyType?
    /// RFC 6531 SMTPUTF8.
    package var smtpUTF8 = false
    /// RFC 3461 RET.
    package var ret: Return?
    /// RFC 3461 ENVID, xtext decoded.
    package var envelopeID: String?
    /// RFC 4865 HOLDFOR and HOLDUNTIL.
    package var hold: Hold?
    /// RFC 8689 REQUIRETLS.
    package var requiresTLS = false
    /// RFC 4954 §5 AUTH=: the identity that submitted it, xtext decoded; empty for `<>`, nil when not given. Not believed.
    package var submitter: String?

    package enum Hold: Sendable, Equatable {
        /// Seconds from now.
        case forSeconds(Int)
        /// Seconds since 1970.
        case until(Int64)
    }

    package enum BodyType: Sendable, Equatable { case sevenBit, eightBitMIME }
    package enum Return: Sendable, Equatable { case full, headers }

    package init() {}
}

/// The ESMTP parameters of RCPT (RFC 3461).
package struct RecipientParameters: Sendable, Equatable {
    package var notify: Notify?
    /// ORCPT: the address type and the address, xtext decoded.
    package var original: Original?

    package struct Notify: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let never = Notify([])
        package static let success = Notify(rawValue: 1)
        package static let failure = Notify(rawValue: 2)
        package static let delay = Notify(rawValue: 4)
    }

    package struct Original: Sendable, Equatable {
        package var type: String
        package var address: String
        package init(type: String, address: String) {
            self.type = type
            self.address = address
        }
    }

    package init() {}
}

/// A refusal that the session decided by itself, for the trace.
package struct RefusalNote: Sendable, Equatable {
    package var reply: Reply
    /// Why, in words that the peer is not told: "bare LF in the message".
    package var reason: String
    /// The command verb, upper case, "DATA" for content; empty before the first command.
    package var command: String
    package var reversePath: ReversePath?
    /// The recipients that were accepted, of a refused message (DATA, BDAT); of RCPT the one that was refused, if it is an address;
    /// else none.
    package var recipients: [ForwardPath]
    /// What was refused: the command's argument as it came, parsed or not; empty for content. At most `subjectLimit` bytes, without
    /// control characters.
    package var subject: String

    /// RFC 5321 §4.5.3.1: a local part of 64, a domain of 255, and the @.
    package static let subjectLimit = 320

    package init(
        reply: Reply, reason: String, command: String, reversePath: ReversePath?, recipients: [ForwardPath], subject: String = ""
    ) {
        self.reply = reply
        self.reason = reason
        self.command = command
        self.reversePath = reversePath
        self.recipients = recipients
        self.subject = subject
    }
}
