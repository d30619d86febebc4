package import Mail

/// A message that was judged, and where it goes: stored once, whatever the number of recipients.
package struct Delivery: Sendable {
    /// The mailbox of a user.
    package enum Target: Sendable, Hashable {
        case inbox
        /// RFC 6154, with the backslash. Into INBOX when the user has no such mailbox.
        case specialUse(String)
        /// Into INBOX when there is none of this name.
        case named(String)
    }

    package struct Recipient: Sendable {
        package var user: UserID
        package var target: Target
        /// Header fields that stand before the original for this recipient.
        package var prefix: [UInt8]
        /// The range of the original that this recipient does not see.
        package var hidden: Range<Int>?
        package var flags: Flags
        /// Stored even where the quota is exceeded by it.
        package var mayExceedQuota: Bool
        /// ENVELOPE where this recipient sees another one than the original's; else empty.
        package var envelope: [UInt8] = []

        package init(
            user: UserID, target: Target = .inbox, prefix: [UInt8] = [], hidden: Range<Int>? = nil, flags: Flags = Flags(),
            mayExceedQuota: Bool = false
        ) {
            self.user = user
            self.target = target
            self.prefix = prefix
            self.hidden = hidden
            self.flags = flags
            self.mayExceedQuota = mayExceedQuota
        }
    }

    package var spool: Spool
    /// ENVELOPE as it goes on the wire.
    package var envelope: [UInt8]
    /// The MIME tree in its stored form.
    package var structure: [UInt8]
    package var date: InternalDate
    package var recipients: [Recipient]
    package var outgoing: Outgoing?
    /// What is held back of it, or was discarded or refused.
    package var quarantined: Quarantined?
    package var trace: [TraceEntry]
    package var tally: Tally?

    package init(
        spool: Spool, envelope: [UInt8], structure: [UInt8], date: InternalDate, recipients: [Recipient], outgoing: Outgoing? = nil,
        trace: [TraceEntry] = [], tally: Tally? = nil
    ) {
        self.spool = spool
        self.envelope = envelope
        self.structure = structure
        self.date = date
        self.recipients = recipients
        self.outgoing = outgoing
        self.trace = trace
        self.tally = tally
    }
}

/// What leaves the server: kept durably until a later hand-over.
package struct Outgoing: Sendable {
    package struct Recipient: Sendable, Equatable {
        package var address: String
        /// The address whose forwarding led here.
        package var forwardedFor: String?
        /// RFC 3461 NOTIFY: nil when it was not given, 0 NEVER, else SUCCESS 1 + FAILURE 2 + DELAY 4.
        package var notify: Int?
        /// RFC 3461 ORCPT.
        package var originalType: String?
        package var originalAddress: String?

        package init(
            address: String, forwardedFor: String? = nil, notify: Int? = nil, originalType: String? = nil, originalAddress: String? = nil
        ) {
            self.address = address
            self.forwardedFor = forwardedFor
            self.notify = notify
            self.originalType = originalType
            self.originalAddress = originalAddress
        }
    }

    package var queueID: String
    /// Empty: the null reverse-path.
    package var sender: String
    package var recipients: [Recipient]
    package var prefix: [UInt8]
    /// RFC 3461 RET: `FULL`, `HDRS` or nil.
    package var ret: String?
    package var envelopeID: String?
    package var smtpUTF8: Bool
    /// Whose login it came with; empty for mail from elsewhere.
    package var login: String
    /// RFC 8689.
    package var requiresTLS: Bool
    /// Whether the content has octets above 127.
    package var isEightBit: Bool
    /// The Message-ID field as it stands there, angle brackets included; empty without one.
    package var messageID: String
    /// Seconds since 1970 before which it does not leave (RFC 4865); 0: at once.
    package var due: Int64

    package init(
        queueID: String, sender: String, recipients: [Recipient], prefix: [UInt8] = [], ret: String? = nil, envelopeID: String? = nil,
        smtpUTF8: Bool = false, login: String = "", requiresTLS: Bool = false, isEightBit: Bool = false, messageID: String = "",
        due: Int64 = 0
    ) {
        self.queueID = queueID
        self.sender = sender
        self.recipients = recipients
        self.prefix = prefix
        self.ret = ret
        self.envelopeID = envelopeID
        self.smtpUTF8 = smtpUTF8
        self.login = login
        self.requiresTLS = requiresTLS
        self.isEightBit = isEightBit
        self.messageID = messageID
        self.due = due
    }
}

/// What became of a delivery. Durable when it is answered.
package struct Receipt: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case stored(mailbox: MailboxID, uid: UID)
        case overQuota
        /// The user was removed meanwhile.
        case noSuchUser
    }

    /// One for each of the delivery's recipients, in their order. When all failed and nothing was outgoing, nothing was stored.
    package var outcomes: [Outcome]
    /// The number in quarantine of what was kept there.
    package var quarantine: Int64?
}
