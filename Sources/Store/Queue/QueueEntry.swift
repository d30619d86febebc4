import GRDB

/// A message on its way out, as `queue list` shows it.
package struct QueueEntry: Sendable, Equatable {
    package var id: Int64
    package var queueID: String
    /// Seconds since 1970.
    package var created: Int64
    package var sender: String
    /// Bytes.
    package var size: Int
    package var login: String
    package var messageID: String
    /// Seconds since 1970; 0: it was not to wait.
    package var released: Int64
    package var recipients: [QueuedMessage.Recipient]
}

extension QueuedMessage.Recipient {
    /// With which it is delivered: an A-label, folded; of a literal the literal.
    package var domain: String { destinationDomain(recipient.address) }
}

extension MailStore {
    /// Whether mail for a domain (A-label, folded) waits to leave.
    package func hasOutgoing(domain: String) async throws(StoreFailure) -> Bool {
        let domain = folded(domain)
        return try await read { db in
            try db.first("SELECT 1 FROM outgoing_recipient WHERE domain = ? LIMIT 1", .text(domain)) { _ in true } ?? false
        }
    }
}
