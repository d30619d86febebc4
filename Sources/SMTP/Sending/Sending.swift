package import Dialogue

/// How a sending session speaks to the next host.
package struct SendingConfiguration: Sendable, Equatable {
    package enum TLSUse: Sendable, Equatable {
        /// Not even where it is offered.
        case never
        /// Where it is offered (RFC 3207 §4).
        case whenOffered
        /// Not without.
        case required
        /// The connection is encrypted from its first byte (RFC 8314 §3.3).
        case implicit
    }

    /// The name for EHLO, ASCII.
    package var hostname: String
    package var tls: TLSUse
    /// For a smarthost that wants it. Sent under TLS only, or to loopback.
    package var login: SendingLogin?
    package var limits: SendingLimits

    package init(hostname: String, tls: TLSUse = .whenOffered, login: SendingLogin? = nil, limits: SendingLimits = SendingLimits()) {
        self.hostname = hostname
        self.tls = tls
        self.login = login
        self.limits = limits
    }
}

package struct SendingLogin: Sendable, Equatable {
    package var user: String
    package var password: Secret

    package init(user: String, password: Secret) {
        self.user = user
        self.password = password
    }
}

/// A message for one host, without its content.
package struct OutgoingMessage: Sendable, Equatable {
    package struct Recipient: Sendable, Equatable {
        /// As in RCPT TO.
        package var address: String
        package var parameters: RecipientParameters

        package init(address: String, parameters: RecipientParameters = RecipientParameters()) {
            self.address = address
            self.parameters = parameters
        }
    }

    /// As in MAIL FROM; empty for the null reverse-path.
    package var sender: String
    /// At most `SendingLimits.recipients`.
    package var recipients: [Recipient]
    /// Octets of the content, before dots are stuffed.
    package var size: Int
    /// Whether the content has octets above 127.
    package var isEightBit: Bool
    /// Whether an address or a header field needs RFC 6531.
    package var needsUTF8: Bool
    /// RFC 8689.
    package var requiresTLS: Bool
    package var ret: MailParameters.Return?
    package var envelopeID: String?

    package init(
        sender: String, recipients: [Recipient], size: Int, isEightBit: Bool = false, needsUTF8: Bool = false, requiresTLS: Bool = false,
        ret: MailParameters.Return? = nil, envelopeID: String? = nil
    ) {
        self.sender = sender
        self.recipients = recipients
        self.size = size
        self.isEightBit = isEightBit
        self.needsUTF8 = needsUTF8
        self.requiresTLS = requiresTLS
        self.ret = ret
        self.envelopeID = envelopeID
    }
}

/// Where in the dialogue something happened.
package enum SendingStage: String, Sendable, Equatable, Hashable {
    case connection, banner, greeting, startTLS = "STARTTLS", authentication = "AUTH", mail = "MAIL", recipient = "RCPT", data = "DATA",
        content = "end of data"
}

/// What became of one recipient at one host.
package enum RecipientOutcome: Sendable, Equatable {
    /// 250 was said after the content. `relaysDSN`: the host promised to report itself where that was asked for (RFC 3461 §5.2.1).
    case accepted(Reply, relaysDSN: Bool)
    /// The host said no: for good (5xx) or for now (4xx), as its reply says.
    case refused(Reply, SendingStage)
    /// The message needs what this host does not offer (SMTPUTF8, REQUIRETLS, SIZE): permanent, this host can't take it.
    case unable(Reply)
    /// The conversation broke.
    case broken(SendingFailure)
}

/// Why a conversation ended before its time.
package struct SendingFailure: Error, Sendable, Equatable, Hashable {
    package enum Kind: Sendable, Equatable, Hashable {
        /// No connection: refused, unreachable, timed out.
        case unreachable
        /// No answer within the patience of the stage.
        case timedOut
        /// The peer closed.
        case closed
        /// What came is not SMTP, or more than the limits allow.
        case garbage
        /// STARTTLS was refused or not offered where it is required.
        case tlsUnavailable
        /// The handshake failed, or its certificate did not verify.
        case tlsFailed
        /// The host refused to serve us at all: its banner or its answer to EHLO, the login included.
        case refused(Reply)
    }

    package var kind: Kind
    package var stage: SendingStage
    /// In words, for the log and the queue: what the system or the library said.
    package var detail: String
    /// RFC 8460 §4.3: how it is reported where TLS failed; nil where it did not.
    package var tlsResult: String?

    package init(_ kind: Kind, _ stage: SendingStage, _ detail: String, tlsResult: String? = nil) {
        self.kind = kind
        self.stage = stage
        self.detail = detail
        self.tlsResult = tlsResult
    }
}

/// RFC 5321 §4.5.3.2: how long to wait, and how much to read.
package struct SendingLimits: Sendable, Equatable {
    package var connect = Duration.seconds(30)
    // RFC 5321 §4.5.3.2.1
    package var banner = Duration.seconds(300)
    // RFC 5321 §4.5.3.2.2, .3
    package var command = Duration.seconds(300)
    // RFC 5321 §4.5.3.2.4
    package var dataInitiation = Duration.seconds(120)
    // RFC 5321 §4.5.3.2.5
    package var dataBlock = Duration.seconds(180)
    // RFC 5321 §4.5.3.2.6
    package var dataTermination = Duration.seconds(600)
    package var handshake = Duration.seconds(60)
    /// Octets of one reply line; RFC 5321 §4.5.3.1.5 has 512.
    package var replyLine = 4_096
    /// Lines of one reply.
    package var replyLines = 256
    // RFC 5321 §4.5.3.1.8: at least 100 recipients.
    package var recipients = 100

    package init() {}
}
