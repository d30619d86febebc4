/// A message on its way out, as `queue list` shows it.
package struct QueueEntry: Sendable, Equatable {
    package var id: Int64
    package var queueID: String
    /// Seconds since 1970.
    package var created: Int64
    package var sender: String
    /// Bytes.
    package var size: Int
    package var recipients: [Outgoing.Recipient]
}

extension MailStore {
    /// The queue, oldest first.
    package func queue(limit: Int = 1_000) async throws(StoreFailure) -> [QueueEntry] {
        try await read { db in
            var entries = try db.all(
                """
                SELECT outgoing.id, queue_id, created, sender, length(prefix) + length FROM outgoing JOIN body ON body.id = body_id
                ORDER BY outgoing.id LIMIT ?
                """, .int(limit)
            ) { row in
                QueueEntry(
                    id: row.int64(0), queueID: row.text(1), created: row.int64(2), sender: row.text(3), size: row.int(4), recipients: [])
            }
            for index in entries.indices {
                entries[index].recipients = try db.all(
                    """
                    SELECT address, forwarded_for, notify, original_type, original_address FROM outgoing_recipient
                    WHERE outgoing_id = ? ORDER BY id
                    """, .integer(entries[index].id)
                ) { row in
                    Outgoing.Recipient(
                        address: row.text(0), forwardedFor: row.text(1).nonEmpty, notify: row.int(2) < 0 ? nil : row.int(2),
                        originalType: row.text(3).nonEmpty, originalAddress: row.text(4).nonEmpty)
                }
            }
            return entries
        }
    }

    /// Whether mail for a domain (folded) waits to leave.
    package func hasOutgoing(domain: String) async throws(StoreFailure) -> Bool {
        let suffix = "@" + folded(domain)
        return try await read { db in
            try db.first(
                "SELECT 1 FROM outgoing_recipient WHERE lower(substr(address, -length(?1))) = ?1 LIMIT 1", .text(suffix)
            ) { _ in true } ?? false
        }
    }

    /// Takes a message out of the queue.
    package func removeFromQueue(_ queueID: String) async throws(StoreFailure) {
        try await writer.write { db, _ in
            guard try db.run("DELETE FROM outgoing WHERE queue_id = ?", .text(queueID)) > 0 else { throw StoreFailure.nonExistent }
        }
    }
}

extension String {
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
