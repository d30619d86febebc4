import GRDB
package import Mail

extension MailStore {
    /// Mailboxes of a user, at most.
    package static let maximumMailboxes = 10_000

    /// All mailboxes and subscribed names of the user, by name, with the levels above that don't exist themselves.
    package func mailboxes(_ user: UserID) async throws(StoreFailure) -> [MailboxEntry] {
        try await read { db in
            var entries: [String: MailboxEntry] = [:]
            try db.forEach(
                "SELECT name, special_use, claimed < uidnext AND messages > 0 FROM mailbox WHERE user_id = ?", [.integer(user.rawValue)]
            ) { row in
                let use = row.text(1)
                entries[row.text(0)] = MailboxEntry(
                    name: row.text(0), exists: true, isSubscribed: false, specialUse: use.isEmpty ? nil : use, isMarked: row.int(2) != 0)
                return true
            }
            for name in try db.all("SELECT name FROM subscription WHERE user_id = ?", .integer(user.rawValue), read: { $0.text(0) }) {
                entries[name, default: .absent(name)].isSubscribed = true
            }
            for entry in Array(entries.values) where entry.exists {
                var name = Substring(entry.name)
                while let slash = name.lastIndex(of: "/") {
                    name = name[..<slash]
                    if entries[String(name)] == nil { entries[String(name)] = .absent(String(name)) }
                }
            }
            return entries.values.sorted { $0.name < $1.name }
        }
    }

    /// Creates a mailbox. A name that users start with has its special use again when no other mailbox has it (RFC 6154). Levels
    /// above it come into being as names only (RFC 3501 §6.3.3 leaves that open).
    @discardableResult
    package func create(_ user: UserID, _ name: String, specialUse: String? = nil) async throws(StoreFailure) -> MailboxID {
        try await writer.write { db, _ in
            let name = try canonicalName(name)
            guard try db.mailboxID(user.rawValue, name) == nil else { throw StoreFailure.alreadyExists }
            let count = try db.first("SELECT count(*) FROM mailbox WHERE user_id = ?", .integer(user.rawValue)) { $0.int(0) } ?? 0
            guard count < Self.maximumMailboxes else { throw StoreFailure.limit("mailboxes") }
            let use = try specialUse ?? db.vacantUse(user.rawValue, name)
            return MailboxID(try db.createMailbox(user.rawValue, name, specialUse: use))
        }
    }

    /// Deletes a mailbox with its messages. What lies below it stays (RFC 3501 §6.3.4).
    package func delete(_ user: UserID, _ name: String) async throws(StoreFailure) {
        let gone: Int64 = try await writer.write { db, effects in
            let name = try canonicalName(name)
            guard name != "INBOX" else { throw StoreFailure.notAllowed }
            guard let id = try db.mailboxID(user.rawValue, name) else { throw StoreFailure.nonExistent }
            try db.remember(id)
            try db.run("DELETE FROM mailbox WHERE id = ?", .integer(id))
            effects.touched.append(id)
            return id
        }
        _ = gone
    }

    /// Renames a mailbox and what lies below it. INBOX stays: its messages move to a new mailbox (RFC 3501 §6.3.5).
    package func rename(_ user: UserID, from: String, to: String) async throws(StoreFailure) {
        try await writer.write { db, effects in
            let from = try canonicalName(from)
            let to = try canonicalName(to)
            guard to != from, !to.hasPrefix(from + "/") || from == "INBOX" else { throw StoreFailure.notAllowed }
            guard try db.mailboxID(user.rawValue, to) == nil else { throw StoreFailure.alreadyExists }
            if from == "INBOX" { return try db.moveInbox(user.rawValue, to: to, &effects) }
            let below = try db.all(
                """
                SELECT mailbox.id, name, uidvalidity < past_uidvalidity FROM mailbox JOIN user ON user.id = user_id
                WHERE user_id = ?1 AND (name = ?2 OR substr(name, 1, length(?2) + 1) = ?2 || '/')
                """, .integer(user.rawValue), .text(from)
            ) { ($0.int64(0), $0.text(1), $0.int(2) != 0) }
            guard !below.isEmpty else { throw StoreFailure.nonExistent }
            for (id, name, isOlder) in below {
                let renamed = try canonicalName(to + String(name.dropFirst(from.count)))
                try db.remember(id)
                // A name below the new one that exists: UNIQUE refuses it, and with it the whole command.
                try db.run("UPDATE mailbox SET name = ? WHERE id = ?", .text(renamed), .integer(id))
                // RFC 3501 §2.3.1.1: the new name may have had a greater UIDVALIDITY once.
                if isOlder { try db.renewUIDValidity(id) }
            }
        }
    }

    /// By name: the mailbox need not exist (RFC 3501 §6.3.6).
    package func setSubscribed(_ user: UserID, _ name: String, _ isSubscribed: Bool) async throws(StoreFailure) {
        try await writer.write { db, _ in
            let name = try canonicalName(name)
            guard isSubscribed else {
                return _ = try db.run("DELETE FROM subscription WHERE user_id = ? AND name = ?", .integer(user.rawValue), .text(name))
            }
            let count = try db.first("SELECT count(*) FROM subscription WHERE user_id = ?", .integer(user.rawValue)) { $0.int(0) } ?? 0
            guard count < 2 * Self.maximumMailboxes else { throw StoreFailure.limit("subscriptions") }
            try db.run("INSERT INTO subscription VALUES (?, ?) ON CONFLICT DO NOTHING", .integer(user.rawValue), .text(name))
        }
    }

    package func status(_ user: UserID, _ name: String) async throws(StoreFailure) -> MailboxStatus {
        try await read { db in
            let found = try db.first(
                """
                SELECT id, messages, uidnext, uidvalidity, unseen, highestmodseq, size,
                    CASE claimed WHEN 1 THEN messages WHEN uidnext THEN 0 ELSE
                        (SELECT count(*) FROM message WHERE message.id >= mailbox.id << 32 | claimed AND message.id < (mailbox.id + 1) << 32)
                    END
                FROM mailbox WHERE user_id = ? AND name = ?
                """, .integer(user.rawValue), .text(try canonicalName(name))
            ) { row in
                MailboxStatus(
                    id: MailboxID(row.int64(0)), messages: row.int(1), recent: row.int(7), uidNext: UID(truncatingIfNeeded: row.int64(2)),
                    uidValidity: UInt32(truncatingIfNeeded: row.int64(3)), unseen: row.int(4), highestModSeq: row.int64(5), size: row.int(6)
                )
            }
            guard let found else { throw StoreFailure.nonExistent }
            return found
        }
    }

    /// Bytes that the user's messages take, and his quota (0: unlimited).
    package func usage(_ user: UserID) async throws(StoreFailure) -> (used: Int, quota: Int) {
        let fallback = integer(.quota)
        return try await read { db in
            let quota = try db.first("SELECT quota FROM user WHERE id = ?", .integer(user.rawValue)) { $0.int(0) }
            guard let quota else { throw StoreFailure.nonExistent }
            let used = try db.first("SELECT coalesce(sum(size), 0) FROM mailbox WHERE user_id = ?", .integer(user.rawValue)) { $0.int(0) }
            return (used ?? 0, quota < 0 ? fallback : quota)
        }
    }
}

extension MailboxEntry {
    fileprivate static func absent(_ name: String) -> MailboxEntry {
        MailboxEntry(name: name, exists: false, isSubscribed: false, specialUse: nil, isMarked: false)
    }
}

extension Database {
    /// UIDVALIDITY comes from one counter that only grows: no name ever meets one of its values again.
    func createMailbox(_ user: Int64, _ name: String, specialUse: String) throws -> Int64 {
        try run("UPDATE counter SET value = max(value + 1, unixepoch()) WHERE name = 'uidvalidity'")
        try run(
            """
            INSERT INTO mailbox (user_id, name, special_use, uidvalidity)
            SELECT ?, ?, ?, value FROM counter WHERE name = 'uidvalidity'
            """, .integer(user), .text(name), .text(specialUse))
        return lastInsertedRowID
    }

    /// What RFC 6154 use a new mailbox of this name takes: empty for most.
    fileprivate func vacantUse(_ user: Int64, _ name: String) throws -> String {
        guard ["Drafts", "Sent", "Junk", "Trash", "Archive"].contains(name) else { return "" }
        let use = "\\" + name
        let isTaken = try first(
            "SELECT 1 FROM mailbox WHERE user_id = ? AND special_use = ?", .integer(user), .text(use)
        ) { _ in true }
        return isTaken == true ? "" : use
    }

    /// Before a mailbox's name is another's: see `user.past_uidvalidity`.
    fileprivate func remember(_ mailbox: Int64) throws {
        try run(
            """
            UPDATE user SET past_uidvalidity = max(past_uidvalidity, uidvalidity) FROM mailbox
            WHERE mailbox.id = ? AND user.id = mailbox.user_id
            """, .integer(mailbox))
    }

    fileprivate func renewUIDValidity(_ mailbox: Int64) throws {
        try run("UPDATE counter SET value = max(value + 1, unixepoch()) WHERE name = 'uidvalidity'")
        try run(
            "UPDATE mailbox SET uidvalidity = (SELECT value FROM counter WHERE name = 'uidvalidity') WHERE id = ?", .integer(mailbox))
    }

    fileprivate func moveInbox(_ user: Int64, to name: String, _ effects: inout Effects) throws {
        guard let inbox = try mailboxID(user, "INBOX") else { throw StoreFailure.nonExistent }
        let target = try createMailbox(user, name, specialUse: "")
        let modSeq = try bumpModSeq(inbox)
        let uids = try allUIDs(inbox)
        try run(
            """
            UPDATE mailbox SET (uidnext, highestmodseq, claimed, messages, unseen, size) =
                (SELECT uidnext, highestmodseq, claimed, messages, unseen, size FROM mailbox WHERE id = ?1) WHERE id = ?2
            """, .integer(inbox), .integer(target))
        try run(
            "UPDATE message SET id = (?2 << 32) | (id & 4294967295) WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32", .integer(inbox),
            .integer(target))
        try run("UPDATE mailbox SET messages = 0, unseen = 0, size = 0 WHERE id = ?", .integer(inbox))
        try bury(uids, in: inbox, modSeq: modSeq)
        effects.touched += [inbox, target]
    }

    /// The mailbox's next modification sequence.
    func bumpModSeq(_ mailbox: Int64) throws -> ModSeq {
        let modSeq = try first(
            "UPDATE mailbox SET highestmodseq = highestmodseq + 1 WHERE id = ? RETURNING highestmodseq", .integer(mailbox)
        ) { $0.int64(0) }
        guard let modSeq else { throw StoreFailure.nonExistent }
        return modSeq
    }

    /// Tombstones for messages that are gone (RFC 7162 §3.2.6).
    func bury(_ uids: UIDSet, in mailbox: Int64, modSeq: ModSeq) throws {
        for range in uids.ranges {
            try run(
                "INSERT INTO expunged (mailbox_id, modseq, first, last, date) VALUES (?, ?, ?, ?, ?)", .integer(mailbox), .integer(modSeq),
                .int(range.lowerBound), .int(range.upperBound), .integer(now()))
        }
    }

    /// UIDs of the set that exist.
    func uids(_ mailbox: Int64, in set: UIDSet) throws -> UIDSet {
        var found = UIDSet()
        for range in set.ranges {
            try forEach(
                "SELECT id & 4294967295 FROM message WHERE id BETWEEN ? AND ? ORDER BY id",
                [.integer(messageKey(mailbox, range.lowerBound)), .integer(messageKey(mailbox, range.upperBound))]
            ) { row in
                found.append(UID(truncatingIfNeeded: row.int64(0)))
                return true
            }
        }
        return found
    }
}
