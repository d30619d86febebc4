package import SMTP

/// A delivery status notification (RFC 3464) as a message of its own.
package struct DeliveryReport: Sendable {
    /// RFC 3464 §2.3.3.
    package enum Action: String, Sendable, Comparable {
        case failed, delayed, relayed, expanded, delivered

        package static func < (left: Action, right: Action) -> Bool { left.rank < right.rank }
        private var rank: Int { [.failed, .delayed, .relayed, .expanded, .delivered].firstIndex(of: self) ?? 0 }
    }

    package struct Recipient: Sendable {
        package var address: String
        /// RFC 3461 ORCPT.
        package var originalType: String?
        package var originalAddress: String?
        package var forwardedFor: String?
        package var action: Action
        package var status: EnhancedStatus
        package var host: String
        package var reply: Reply?
        /// In words, where nobody answered.
        package var detail: String
        /// What it means: `Reason.stored`.
        package var reason: String
        /// Seconds since 1970; 0: not known.
        package var lastAttempt: Int64
        package var retryUntil: Int64

        package init(
            address: String, originalType: String? = nil, originalAddress: String? = nil, forwardedFor: String? = nil, action: Action,
            status: EnhancedStatus, host: String = "", reply: Reply? = nil, detail: String = "", reason: String = "",
            lastAttempt: Int64 = 0, retryUntil: Int64 = 0
        ) {
            self.address = address
            self.originalType = originalType
            self.originalAddress = originalAddress
            self.forwardedFor = forwardedFor
            self.action = action
            self.status = status
            self.host = host
            self.reply = reply
            self.detail = detail
            self.reason = reason
            self.lastAttempt = lastAttempt
            self.retryUntil = retryUntil
        }
    }

    package enum Original: Sendable {
        case full([UInt8])
        case headers([UInt8])

        var bytes: [UInt8] {
            switch self {
            case .full(let bytes), .headers(let bytes): bytes
            }
        }
    }

    /// Finds words: language (`en`, `es`), key, values.
    package typealias Words = @Sendable (String, String, [(String, String)]) -> String

    /// A-label.
    package var hostname: String
    package var queueID: String
    /// The report's own.
    package var reportID: String
    /// To whom.
    package var sender: String
    package var envelopeID: String?
    /// When the message came, and now; seconds since 1970.
    package var arrival: Int64
    package var now: Int64
    /// `en`, `es`; the text is there in each of them, one after the other.
    package var languages: [String]
    package var recipients: [Recipient]
    package var original: Original
    /// RFC 6531: the original has addresses or header fields in UTF-8.
    package var isInternational: Bool

    package init(
        hostname: String, queueID: String, reportID: String, sender: String, envelopeID: String? = nil, arrival: Int64, now: Int64,
        languages: [String], recipients: [Recipient], original: Original, isInternational: Bool = false
    ) {
        self.hostname = hostname
        self.queueID = queueID
        self.reportID = reportID
        self.sender = sender
        self.envelopeID = envelopeID
        self.arrival = arrival
        self.now = now
        self.languages = languages
        self.recipients = recipients
        self.original = original
        self.isInternational = isInternational
    }

    /// Whether it can go only to a host that takes SMTPUTF8: where the sender's own address is in UTF-8. For any other sender it is made
    /// so that every host can take it (RFC 6533 §3, §4).
    package var needsUTF8: Bool { !sender.utf8.allSatisfy { $0 < 0x80 } }
}
