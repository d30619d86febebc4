import GRDB
package import Mail

/// How far a second look has come.
package struct RescanProgress: Sendable, Equatable {
    /// The signatures that looked.
    package var signatures: String
    /// Bodies up to this one are done; `Int64.max`: all that came before them.
    package var body: Int64

    package init(signatures: String, body: Int64) {
        self.signatures = signatures
        self.body = body
    }
}

/// A message in somebody's mailbox, whose body is to be looked at again.
package struct HeldMessage: Sendable, Equatable {
    package var user: UserID
    package var email: String
    package var mailbox: MailboxID
    package var mailboxName: String
    package var uid: UID
    package var date: InternalDate
    /// What stands before the original for him, its first 8 KiB.
    package var beginning: [UInt8]
}

extension MailStore {
    /// Nil: nothing was ever looked at again.
    package func rescanProgress() async throws(StoreFailure) -> RescanProgress? {
        try await read { db in
            try db.first("SELECT signatures, body_id FROM rescan") { RescanProgress(signatures: $0.text(0), body: $0.int64(1)) }
        }
    }

    package func note(_ progress: RescanProgress) async throws(StoreFailure) {
        _ = try await writer.write { db, _ in
            try db.run(
                """
                INSERT INTO rescan VALUES (1, ?1, ?2) ON CONFLICT DO UPDATE SET signatures = excluded.signatures, body_id = excluded.body_id
                """, .text(progress.signatures), .integer(progress.body))
        }
    }

    /// The newest body.
    package func newestBody() async throws(StoreFailure) -> Int64 {
        try await read { try $0.first("SELECT coalesce(max(id), 0) FROM body") { $0.int64(0) } ?? 0 }
    }

    /// Bodies behind `body`, up to `last`, that came since then (seconds since 1970) and lie in a mailbox, the oldest first.
    package func bodies(
        after body: Int64, upTo last: Int64, since: Int64, limit: Int
    ) async throws(StoreFailure) -> [BodyReference] {
        try await read { db in
            try db.all(
                """
                SELECT id, length FROM body WHERE id > ? AND id <= ? AND received >= ?
                    AND EXISTS (SELECT 1 FROM message WHERE body_id = body.id) ORDER BY id LIMIT ?
                """, .integer(body), .integer(last), .integer(since), .int(limit)
            ) { BodyReference(id: $0.int64(0), length: $0.int(1)) }
        }
    }

    /// Who has it, and where.
    package func holders(of body: Int64) async throws(StoreFailure) -> [HeldMessage] {
        try await read { db in
            try db.all(
                """
                SELECT user.id, email, mailbox.id, mailbox.name, uid, date, zone, substr(prefix, 1, 8192) FROM message
                JOIN mailbox ON mailbox.id = mailbox_id JOIN user ON user.id = user_id WHERE body_id = ? ORDER BY message.id
                """, .integer(body)
            ) { row in
                HeldMessage(
                    user: UserID(row.int64(0)), email: row.text(1), mailbox: MailboxID(row.int64(2)), mailboxName: row.text(3),
                    uid: UID(truncatingIfNeeded: row.int64(4)),
                    date: InternalDate(seconds: row.int64(5), zoneMinutes: Int16(clamping: row.int(6))),
                    beginning: row.blob(7))
            }
        }
    }

    /// Takes messages out of mailboxes into the quarantine, and delivers the notice of it, in one transaction. Those that are not there any
    /// more are left out; the others leave a line of the trace. `entries`: for each body what its entry says; its recipients come from the mailboxes.
    package func seize(_ messages: [(message: HeldMessage, body: Int64, entry: Quarantined)], notice: Delivery?) async throws(StoreFailure)
    {
        @Sendable func seize(_ db: Database, _ effects: inout Effects) throws {
            for (message, body, entry) in messages { try db.seize(message, body, entry, &effects) }
        }
        guard let notice else { return try await writer.write { db, effects in try seize(db, &effects) } }
        _ = try await deliver(notice) { db, effects in try seize(db, &effects) }
    }
}

extension Database {
    fileprivate func seize(_ message: HeldMessage, _ body: Int64, _ entry: Quarantined, _ effects: inout Effects) throws {
        let key = messageKey(message.mailbox.rawValue, message.uid)
        let found = try first(
            """
            SELECT prefix, hidden_start, hidden_end, message.envelope, length FROM message JOIN body ON body.id = body_id
            WHERE message.id = ? AND body_id = ?
            """, .integer(key), .integer(body)
        ) { row -> (place: Delivery.Recipient, length: Int) in
            let hidden = row.int(1)..<max(row.int(1), row.int(2))
            var place = Delivery.Recipient(user: message.user, prefix: row.blob(0), hidden: hidden.isEmpty ? nil : hidden)
            place.envelope = row.blob(3)
            return (place, row.int(4))
        }
        guard let (place, length) = found else { return }
        var entry = entry
        entry.recipients = [
            Quarantined.Recipient(recipient: message.email, fate: .quarantine, place: .mailbox(place, address: message.email))
        ]
        // What was taken from somebody is kept, whatever room there is.
        let number = try keep(entry, body: body, length: length)
        var line = TraceEntry(
            time: now(), event: "quarantined", queueID: entry.queueID, messageID: entry.messageID, peer: entry.peer,
            sender: entry.sender, recipient: message.email, destination: message.email, text: entry.reasons.first ?? "")
        line.isKept(as: number)
        try insert([line])
        try remove(UIDSet(message.uid...message.uid), from: message.mailbox.rawValue, &effects)
    }
}
