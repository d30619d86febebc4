import GRDB
import Mail

/// One line of what happened to a message, and why.
package struct TraceEntry: Sendable, Equatable {
    /// Seconds since 1970.
    package var time: Int64
    /// A word: `received`, `refused`, `delivered`, `queued`…
    package var event: String
    package var queueID: String
    package var messageID: String
    /// Address and name of the other side.
    package var peer: String
    package var sender: String
    package var recipient: String
    /// Where it ended up, when that is another address.
    package var destination: String
    /// The reply's code, 0 when there was none.
    package var code: Int
    /// In words, for people.
    package var text: String

    package init(
        time: Int64, event: String, queueID: String = "", messageID: String = "", peer: String = "", sender: String = "",
        recipient: String = "", destination: String = "", code: Int = 0, text: String = ""
    ) {
        self.time = time
        self.event = event
        self.queueID = queueID
        self.messageID = messageID
        self.peer = peer
        self.sender = sender
        self.recipient = recipient
        self.destination = destination
        self.code = code
        self.text = text
    }
}

extension MailStore {
    /// Writes entries that belong to no delivery.
    package func record(_ entries: [TraceEntry]) async throws(StoreFailure) {
        try await writer.write { db, _ in try db.insert(entries) }
    }

    /// Entries that name an address (sender, recipient or destination), a message id (with or without angle brackets) or a queue id;
    /// the newest `limit`, in the order in which they happened.
    package func trace(_ wanted: String, limit: Int = 200) async throws(StoreFailure) -> [TraceEntry] {
        try await entries("id IN (SELECT id FROM found)", wanted, limit)
    }

    /// As `trace`, and what was noted of the same messages without naming anybody: what the checks said.
    package func story(of wanted: String, limit: Int = 200) async throws(StoreFailure) -> [TraceEntry] {
        try await entries(
            """
            id IN (SELECT id FROM found)
                OR recipient = '' AND queue_id <> '' AND queue_id IN (SELECT queue_id FROM found)
            """, wanted, limit)
    }

    private func entries(_ condition: String, _ wanted: String, _ limit: Int) async throws(StoreFailure) -> [TraceEntry] {
        let plain = wanted.trimmed
        let bare = plain.hasPrefix("<") && plain.hasSuffix(">") ? String(plain.dropFirst().dropLast()) : plain
        return try await read { db in
            try db.all(
                """
                WITH found AS (
                    SELECT id, queue_id FROM trace
                    WHERE lower(sender) = ?1 OR lower(recipient) = ?1 OR lower(destination) = ?1
                        OR lower(message_id) IN (?1, '<' || ?1 || '>') OR lower(queue_id) = ?1
                    ORDER BY id DESC LIMIT ?2
                )
                SELECT time, event, queue_id, message_id, peer, sender, recipient, destination, code, text FROM trace
                WHERE \(condition) ORDER BY id
                """, .text(folded(bare)), .int(limit)
            ) { row in
                TraceEntry(
                    time: row.int64(0), event: row.text(1), queueID: row.text(2), messageID: row.text(3), peer: row.text(4),
                    sender: row.text(5), recipient: row.text(6), destination: row.text(7), code: row.int(8), text: row.text(9))
            }
        }
    }
}

extension Database {
    func insert(_ entries: [TraceEntry]) throws {
        for entry in entries {
            try run(
                """
                INSERT INTO trace (time, event, queue_id, message_id, peer, sender, recipient, destination, code, text)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(entry.time), .text(entry.event), .text(entry.queueID), .text(entry.messageID), .text(entry.peer),
                .text(entry.sender), .text(entry.recipient), .text(entry.destination), .int(entry.code),
                .text(entry.text.utf8.count <= 1_000 ? entry.text : String(entry.text.prefix(1_000))))
        }
    }
}
