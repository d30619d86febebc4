import Dialogue
import Mail
import SMTP
import Store

/// A message whose content is whole, with everything that is known about how it came.
struct Arrival: Sendable {
    struct Recipient: Sendable {
        /// As RCPT gave it.
        var address: String
        var parameters: RecipientParameters
        var expansion: Expansion

        /// It leaves the server under another address.
        var isForwarded: Bool { expansion.foreign.contains { $0.description != address } }
    }

    /// What the client is to us, which says whether it submits a message or brings one from elsewhere.
    enum Origin: Sendable, Equatable {
        case elsewhere
        /// One of `networks`.
        case networks
        /// Folded.
        case login(String)

        var login: String? {
            switch self {
            case .login(let login): login
            case .elsewhere, .networks: nil
            }
        }
    }

    var transaction: Transaction
    var spool: Spool
    var connection: Connection
    var recipients: [Recipient]
    var origin: Origin = .elsewhere

    /// A report reaches who sent it: a login sends as himself.
    var knowsSender: Bool { origin.login != nil && transaction.reversePath != .null }
}

/// What a message is called here, and when it came.
struct MessageStamp: Sendable {
    var queueID: String
    var date: InternalDate
}

extension MailParameters.Hold {
    /// Seconds since 1970; 0 when that is not later than `now`.
    func due(_ now: Int64) -> Int64 {
        let due =
            switch self {
            // RFC 4865 §5: counted from when we have the message. The second `now` has begun already: one more, so that it is never less.
            case .forSeconds(let seconds): seconds > 0 ? now.addingReportingOverflow(Int64(seconds) + 1).partialValue : 0
            case .until(let time): time
            }
        return due > now ? due : 0
    }
}
