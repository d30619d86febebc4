package import Mail

/// A message of the queue as a delivery attempt needs it, with recipients of one domain.
package struct QueuedMessage: Sendable, Equatable {
    package struct Recipient: Sendable, Equatable {
        package var id: Int64
        package var recipient: Outgoing.Recipient
        package var state: QueueState

        package var address: String { recipient.address }
        package var forwardedFor: String? { recipient.forwardedFor }
    }

    package var id: Int64
    package var queueID: String
    /// Seconds since 1970: when it came, or was to be released.
    package var since: Int64
    package var created: Int64
    package var sender: String
    package var body: BodyReference
    /// RFC 3461 RET: `FULL`, `HDRS` or nil.
    package var ret: String?
    package var envelopeID: String?
    package var smtpUTF8: Bool
    package var login: String
    package var requiresTLS: Bool
    package var isEightBit: Bool
    package var messageID: String
    /// A-label.
    package var domain: String
    package var recipients: [Recipient]
    /// Whether the domain was one of ours when it was read: it goes into mailboxes.
    package var isOurs = false

    package init(
        id: Int64, queueID: String, since: Int64, created: Int64, sender: String, body: BodyReference, ret: String?, envelopeID: String?,
        smtpUTF8: Bool, login: String, requiresTLS: Bool, isEightBit: Bool, messageID: String, domain: String, recipients: [Recipient]
    ) {
        self.id = id
        self.queueID = queueID
        self.since = since
        self.created = created
        self.sender = sender
        self.body = body
        self.ret = ret
        self.envelopeID = envelopeID
        self.smtpUTF8 = smtpUTF8
        self.login = login
        self.requiresTLS = requiresTLS
        self.isEightBit = isEightBit
        self.messageID = messageID
        self.domain = domain
        self.recipients = recipients
    }
}

/// How far a recipient of the queue has come.
package struct QueueState: Sendable, Equatable {
    /// Seconds since 1970; 0 not tried yet, -1 as soon as can be.
    package var due: Int64 = 0
    package var isHeld = false
    package var attempts = 0
    /// Of the last attempt. Seconds since 1970; 0: there was none.
    package var lastAttempt: Int64 = 0
    package var host = ""
    /// 0: no answer.
    package var code = 0
    package var reply = ""
    /// A key of the texts.
    package var reason = ""
    /// Whether the sender was told of the delay.
    package var isWarned = false

    package init() {}
}

/// What waits in a domain.
package struct DueDomain: Sendable, Equatable {
    /// A-label.
    package var name: String
    /// The earliest of its recipients, as `QueueState.due`.
    package var due: Int64
}

/// What was queued since a look.
package struct Arrivals: Sendable, Equatable {
    /// Due at once. A message with several destinations is there once for each.
    package var messages: [QueuedMessage] = []
    package var later: [DueDomain] = []
    /// The recipient that came last.
    package var last: Int64
    package var isEnd = true
}

/// Keys under which the queue's watcher hears of it; mailboxes have positive ones.
enum QueueWake {
    /// New mail was queued.
    static let arrival: Int64 = 0
    /// Somebody changed what waits.
    static let change: Int64 = -1
}

extension MailStore {
    /// `arrived` runs after each commit that queued mail, `changed` after one that changed what waits in another way, another process's
    /// included; both on threads of the store's: they may only note it and return.
    package func watchQueue(arrived: @escaping @Sendable () -> Void, changed: @escaping @Sendable () -> Void) -> [Wake] {
        [
            Wake(wakes: wakes, token: wakes.add(QueueWake.arrival, arrived)),
            Wake(wakes: wakes, token: wakes.add(QueueWake.change, changed)),
        ]
    }
}
