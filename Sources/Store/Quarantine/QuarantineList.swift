import GRDB
import Mail

extension MailStore {
    /// The newest `limit` entries that match, newest first: a queue id, an entry's number, an address (sender, recipient or destination),
    /// a Message-ID; all when nil.
    package func quarantine(
        _ wanted: String? = nil, _ filter: QuarantineFilter = QuarantineFilter(), limit: Int = 1_000
    ) async throws(StoreFailure) -> [QuarantineEntry] {
        let conditions = filter.conditions(wanted)
        return try await read { db in
            try db.quarantineEntries(
                where: conditions.sql + " ORDER BY quarantine.id DESC LIMIT ?", conditions.values + [.int(limit)])
        }
    }

    /// Bytes of the original of an entry, at most 64 KiB from `offset` on; empty behind its end. Fails with `.nonExistent`.
    package func quarantinedBytes(_ id: Int64, from offset: Int) async throws(StoreFailure) -> [UInt8] {
        let found = try await read { db in
            try db.first("SELECT body_id, length FROM quarantine JOIN body ON body.id = body_id WHERE quarantine.id = ?", .integer(id)) {
                BodyReference(id: $0.int64(0), length: $0.int(1))
            }
        }
        guard let body = found else { throw .nonExistent }
        guard offset < body.length else { return [] }
        return try await read(body, offset..<min(body.length, offset + 65_536))
    }

    /// Removes entries for good, by hand; each leaves a line of the trace. Answers how many there were.
    @discardableResult
    package func removeQuarantined(_ ids: [Int64]) async throws(StoreFailure) -> Int {
        try await writer.write { db, _ in
            var count = 0
            for id in ids {
                let line = try db.first("SELECT queue_id, message_id, sender FROM quarantine WHERE id = ?", .integer(id)) {
                    TraceEntry(
                        time: now(), event: "removed", queueID: $0.text(0), messageID: $0.text(1), sender: $0.text(2),
                        text: "trace.quarantine-removed\u{1F}id\u{1F}\(id)")
                }
                guard let line else { continue }
                try db.insert([line])
                try db.run("DELETE FROM quarantine WHERE id = ?", .integer(id))
                count += 1
            }
            return count
        }
    }

    /// Removes what is older than its setting says, and what goes beyond the size, some at a time.
    package func sweepQuarantine() async throws(StoreFailure) {
        let bounds = QuarantineBounds(self)
        if bounds.overflow == .oldest {
            var before = -1
            while true {
                let size = try await writer.write { db, _ in
                    try db.evict(downTo: bounds.size, held: true)
                    return try db.first("SELECT value FROM counter WHERE name = 'quarantine'") { $0.int(0) } ?? 0
                }
                if size <= bounds.size || size == before { break }
                before = size
            }
        }
        let age = now() - Int64(integer(.quarantineDays)) * 86_400
        while try await writer.write({ db, _ in
            try db.run(
                "DELETE FROM quarantine WHERE id IN (SELECT id FROM quarantine WHERE created < ? ORDER BY created LIMIT 500)",
                .integer(age))
        }) == 500 {}
    }
}

extension Database {
    func quarantineEntries(where condition: String, _ values: [Value]) throws -> [QuarantineEntry] {
        var entries: [QuarantineEntry] = []
        try forEach(
            """
            SELECT quarantine.id, queue_id, quarantine.received, created, message_id, peer, sender, from_text, subject, category, reasons,
                length
            FROM quarantine JOIN body ON body.id = body_id WHERE \(condition)
            """, values
        ) { row in
            entries.append(
                QuarantineEntry(
                    id: row.int64(0), queueID: row.text(1), received: row.int64(2), created: row.int64(3), messageID: row.text(4),
                    peer: row.text(5), sender: row.text(6), from: row.text(7), subject: row.text(8), category: row.text(9),
                    reasons: row.text(10).split(separator: "\n").map(String.init), size: row.int(11), recipients: []))
            return true
        }
        for index in entries.indices {
            entries[index].recipients = try all(
                "SELECT id, recipient, destination, fate, released FROM quarantine_recipient WHERE quarantine_id = ? ORDER BY id",
                .integer(entries[index].id)
            ) {
                QuarantineEntry.Recipient(
                    id: $0.int64(0), recipient: $0.text(1), destination: $0.text(2), fate: $0.text(3), released: $0.int64(4))
            }
        }
        return entries
    }
}
