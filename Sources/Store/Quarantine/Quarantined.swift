package import Mail

/// A message that was held back, discarded or refused, with what delivering it after all takes.
package struct Quarantined: Sendable {
    package struct Recipient: Sendable {
        package enum Fate: String, Sendable {
            case quarantine, discard, bounce, reject
        }

        /// As the sender wrote it.
        package var recipient: String
        package var fate: Fate
        package var place: Place

        package init(recipient: String, fate: Fate, place: Place) {
            self.recipient = recipient
            self.fate = fate
            self.place = place
        }
    }

    /// Where it would have gone.
    package enum Place: Sendable {
        /// A mailbox here, under the user's address.
        case mailbox(Delivery.Recipient, address: String)
        case elsewhere(Outgoing.Recipient)
    }

    package var queueID: String
    package var received: InternalDate
    package var messageID: String
    package var peer: String
    /// Empty: the null reverse-path.
    package var sender: String
    /// Decoded, for lists.
    package var from: String
    package var subject: String
    /// A `Filter.Category`.
    package var category: String
    /// Stored reasons.
    package var reasons: [String]
    package var recipients: [Recipient]
    /// What those who leave share; its recipients do not count. Nil where none leaves.
    package var outgoing: Outgoing?

    package init(
        queueID: String, received: InternalDate, messageID: String, peer: String, sender: String, from: String, subject: String,
        category: String, reasons: [String], recipients: [Recipient], outgoing: Outgoing? = nil
    ) {
        self.queueID = queueID
        self.received = received
        self.messageID = messageID
        self.peer = peer
        self.sender = sender
        self.from = from
        self.subject = subject
        self.category = category
        self.reasons = reasons
        self.recipients = recipients
        self.outgoing = outgoing
    }

    /// Whether somebody waits for it: the sender was told that it was accepted, and nobody threw it away.
    var isHeld: Bool { recipients.contains { $0.fate == .quarantine } }
}

/// One entry of the quarantine, as lists show it.
package struct QuarantineEntry: Sendable, Equatable {
    package struct Recipient: Sendable, Equatable {
        package var id: Int64
        package var recipient: String
        package var destination: String
        package var fate: String
        /// Seconds since 1970; 0: not yet.
        package var released: Int64
    }

    package var id: Int64
    package var queueID: String
    /// Seconds since 1970.
    package var received: Int64
    package var created: Int64
    package var messageID: String
    package var peer: String
    package var sender: String
    package var from: String
    package var subject: String
    package var category: String
    package var reasons: [String]
    package var size: Int
    package var recipients: [Recipient]
}
