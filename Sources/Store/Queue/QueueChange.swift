import GRDB

/// What the administrator does to mail that waits.
package enum QueueChange: Sendable, Equatable {
    /// It is tried as soon as can be, held or not.
    case retry
    /// As `retry`, but what is held stays so: others than the administrator may ask for it (RFC 1985).
    case flush
    case hold
    case release
    case remove
}

/// Which of the queue is meant.
package enum QueueSelection: Sendable, Equatable {
    case all
    case message(String)
    /// A recipient.
    case address(String)
    /// Folded, A-label.
    case domain(String)

    /// Of `outgoing_recipient`, with one parameter.
    fileprivate var condition: String {
        switch self {
        case .all: "?1 = ''"
        case .message: "outgoing_id IN (SELECT id FROM outgoing WHERE queue_id = ?1)"
        case .address: "lower(address) = ?1"
        case .domain: "domain = ?1"
        }
    }

    fileprivate var parameter: Value {
        switch self {
        case .all: .text("")
        case .message(let queueID): .text(upper(queueID))
        case .address(let address): .text(folded(address))
        case .domain(let name): .text(folded(name))
        }
    }
}

/// As queue ids are written.
private func upper(_ text: String) -> String {
    String(decoding: text.utf8.map { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 ? $0 & 0xDF : $0 }, as: UTF8.self)
}

extension MailStore {
    /// Recipients in one transaction, so that a change of everything does not keep deliveries waiting.
    private static var changeLimit: Int { 2_000 }

    /// Answers how many recipients were changed. Durable when it returns; whoever watches the queue is told, in this process or another.
    @discardableResult
    package func change(_ change: QueueChange, _ selection: QueueSelection) async throws(StoreFailure) -> Int {
        let time = now()
        var total = 0
        var last: Int64 = 0
        while true {
            let after = last
            let (count, end) = try await writer.write { db, effects in
                effects.touched.append(QueueWake.change)
                return try db.change(change, selection, after: after, time: time, limit: Self.changeLimit)
            }
            total += count
            guard let end else { return total }
            last = end
        }
    }

    /// Entries that `selection` names, oldest first, each with all of its recipients.
    package func queue(_ selection: QueueSelection = .all, after id: Int64 = 0, limit: Int = 1_000) async throws(StoreFailure)
        -> [QueueEntry]
    {
        try await read { db in
            var entries: [QueueEntry] = []
            try db.forEach(
                """
                SELECT outgoing.id, queue_id, created, sender, length(prefix) + length, login, message_id, released FROM outgoing
                JOIN body ON body.id = body_id
                WHERE outgoing.id > ?2 AND outgoing.id IN (SELECT outgoing_id FROM outgoing_recipient WHERE \(selection.condition))
                ORDER BY outgoing.id LIMIT ?3
                """, [selection.parameter, .integer(id), .int(limit)]
            ) { row in
                entries.append(
                    QueueEntry(
                        id: row.int64(0), queueID: row.text(1), created: row.int64(2), sender: row.text(3), size: row.int(4),
                        login: row.text(5), messageID: row.text(6), released: row.int64(7), recipients: []))
                return true
            }
            for index in entries.indices {
                entries[index].recipients = try db.all(
                    "SELECT \(recipientColumns) FROM outgoing_recipient WHERE outgoing_id = ? ORDER BY id", .integer(entries[index].id),
                    read: QueuedMessage.Recipient.init)
            }
            return entries
        }
    }
}

extension Database {
    /// How many were changed, and where to go on; nil at the end.
    fileprivate func change(
        _ change: QueueChange, _ selection: QueueSelection, after: Int64, time: Int64, limit: Int
    ) throws -> (Int, Int64?) {
        var found: [(id: Int64, message: Int64, address: String)] = []
        try forEach(
            """
            SELECT id, outgoing_id, address FROM outgoing_recipient WHERE id > ?2 AND \(selection.condition) ORDER BY id LIMIT ?3
            """, [selection.parameter, .integer(after), .int(limit)]
        ) { row in
            found.append((row.int64(0), row.int64(1), row.text(2)))
            return true
        }
        for (id, message, address) in found {
            switch change {
            case .retry: try run("UPDATE outgoing_recipient SET due = -1, held = 0 WHERE id = ?", .integer(id))
            case .flush: try run("UPDATE outgoing_recipient SET due = -1 WHERE id = ? AND held = 0", .integer(id))
            case .hold: try run("UPDATE outgoing_recipient SET held = 1 WHERE id = ?", .integer(id))
            case .release: try run("UPDATE outgoing_recipient SET held = 0 WHERE id = ?", .integer(id))
            case .remove:
                try run(
                    """
                    INSERT INTO trace (time, event, queue_id, message_id, peer, sender, recipient, destination, code, text)
                    SELECT ?, 'removed', queue_id, message_id, '', sender, ?, '', 0, 'trace.removed' FROM outgoing WHERE id = ?
                    """, .integer(time), .text(address), .integer(message))
                try run("DELETE FROM outgoing_recipient WHERE id = ?", .integer(id))
                try removeEmpty(message)
            }
        }
        return (found.count, found.count == limit ? found.last?.id : nil)
    }
}
