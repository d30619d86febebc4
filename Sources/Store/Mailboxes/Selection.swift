import GRDB
package import Mail

extension MailStore {
    /// SELECT and EXAMINE. Unless `readOnly`, the recent messages are claimed for this session.
    package func select(_ user: UserID, _ name: String, readOnly: Bool) async throws(StoreFailure) -> Selected {
        let (selected, mustClaim) = try await read { db in
            let name = try canonicalName(name)
            let row = try db.first(
                "SELECT id, uidvalidity, uidnext, highestmodseq, claimed, unseen, messages FROM mailbox WHERE user_id = ? AND name = ?",
                .integer(user.rawValue), .text(name)
            ) {
                (
                    id: $0.int64(0), validity: $0.int64(1), next: $0.int64(2), modSeq: $0.int64(3), claimed: $0.int64(4), unseen: $0.int(5),
                    messages: $0.int(6)
                )
            }
            guard let row else { throw StoreFailure.nonExistent }
            // Without a gap there is nothing to read.
            let uids =
                row.messages == Int(row.next) - 1
                ? row.messages == 0 ? UIDSet() : UIDSet(1...UID(truncatingIfNeeded: row.next - 1)) : try db.allUIDs(row.id)
            let firstUnseen =
                row.unseen == 0
                ? nil
                : try db.first(
                    "SELECT id & 4294967295 FROM message WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32 AND flags & 8 = 0 ORDER BY id LIMIT 1",
                    .integer(row.id)
                ) { UID(truncatingIfNeeded: $0.int64(0)) }
            let selected = Selected(
                id: MailboxID(row.id), uidValidity: UInt32(truncatingIfNeeded: row.validity), uidNext: UID(truncatingIfNeeded: row.next),
                highestModSeq: row.modSeq, uids: uids,
                recentFrom: row.claimed < row.next ? UID(truncatingIfNeeded: row.claimed) : nil, firstUnseen: firstUnseen,
                keywords: try db.keywords(row.id))
            return (selected, !readOnly && row.claimed < row.next)
        }
        guard mustClaim else { return selected }
        var result = selected
        result.recentFrom = await claim(selected.id, upTo: selected.uidNext, unclaimed: selected.recentFrom)
        return result
    }

    /// What happened in a mailbox after a modification sequence. `uidNext` is the session's own: what came from there on has arrived.
    package func changes(
        _ mailbox: MailboxID, since: ModSeq, uidNext: UID, claimsRecent: Bool
    ) async throws(StoreFailure) -> Changes {
        var (changes, mustClaim) = try await read { db in
            let id = mailbox.rawValue
            let row = try db.first("SELECT highestmodseq, uidnext, claimed FROM mailbox WHERE id = ?", .integer(id)) {
                (modSeq: $0.int64(0), next: $0.int64(1), claimed: $0.int64(2))
            }
            guard let row else {
                return (
                    Changes(highestModSeq: since, uidNext: uidNext, expunged: UIDSet(), arrived: UIDSet(), flagged: [], isGone: true), false
                )
            }
            var changes = Changes(
                highestModSeq: row.modSeq, uidNext: UID(truncatingIfNeeded: row.next), expunged: UIDSet(), arrived: UIDSet(), flagged: [],
                recentFrom: row.claimed < row.next ? max(uidNext, UID(truncatingIfNeeded: row.claimed)) : nil, isGone: false)
            if row.modSeq == since { return (changes, false) }
            changes.expunged = try db.expunged(id, since: since)
            var arrived: [UID] = []
            try db.forEach(
                "SELECT id, flags, keywords, modseq FROM message WHERE mailbox_id = ? AND modseq > ?", [.integer(id), .integer(since)]
            ) { row in
                let uid = UID(truncatingIfNeeded: row.int64(0) & 0xFFFF_FFFF)
                if uid >= uidNext {
                    arrived.append(uid)
                } else {
                    changes.flagged.append(FlagChange(uid: uid, flags: row.flags(1), modSeq: row.int64(3)))
                }
                return true
            }
            changes.arrived = UIDSet(uids: arrived)
            changes.flagged.sort { $0.uid < $1.uid }
            return (changes, claimsRecent && row.claimed < row.next)
        }
        if mustClaim {
            let unclaimed = changes.recentFrom
            changes.recentFrom = await claim(mailbox, upTo: changes.uidNext, unclaimed: unclaimed).map { max($0, uidNext) }
        }
        if let recent = changes.recentFrom, recent >= changes.uidNext { changes.recentFrom = nil }
        return changes
    }

    /// The recent messages below `uidNext` become this session's; answers the first of them. Where nothing can be written, reading goes
    /// on: RFC 3501 §2.3.2, a message of which it is not known whether another session was told is recent.
    private func claim(_ mailbox: MailboxID, upTo uidNext: UID, unclaimed: UID?) async -> UID? {
        do {
            return try await writer.write { db, _ in
                let claimed = try db.first("SELECT claimed FROM mailbox WHERE id = ?", .integer(mailbox.rawValue)) { $0.int64(0) }
                guard let claimed, claimed < Int64(uidNext) else { return nil }
                try db.run("UPDATE mailbox SET claimed = ? WHERE id = ?", .int(uidNext), .integer(mailbox.rawValue))
                return UID(truncatingIfNeeded: claimed)
            }
        } catch {
            return unclaimed
        }
    }
}

extension Columns {
    /// The column at `index` and the keywords in the one behind it.
    func flags(_ index: CInt) -> Flags {
        let keywords = text(index + 1)
        let system = SystemFlags(rawValue: UInt8(truncatingIfNeeded: int64(index)))
        return keywords.isEmpty ? Flags(system) : Flags(system, keywords: keywords.split(separator: " ").map(String.init))
    }
}

extension Database {
    /// By the index, which is a small part of the table.
    func allUIDs(_ mailbox: Int64) throws -> UIDSet {
        var uids: [UID] = []
        try forEach("SELECT id FROM message INDEXED BY message_modseq WHERE mailbox_id = ?", [.integer(mailbox)]) { row in
            uids.append(UID(truncatingIfNeeded: row.int64(0) & 0xFFFF_FFFF))
            return true
        }
        uids.sort()
        var set = UIDSet()
        for uid in uids { set.append(uid) }
        return set
    }

    func keywords(_ mailbox: Int64) throws -> [String] {
        var flags = Flags()
        try forEach(
            "SELECT DISTINCT keywords FROM message WHERE mailbox_id = ? AND keywords <> ''", [.integer(mailbox)]
        ) { row in
            for keyword in row.text(0).split(separator: " ") where flags.keywords.count < 1_000 { flags.insert(keyword: String(keyword)) }
            return true
        }
        return flags.keywords
    }

    func expunged(_ mailbox: Int64, since: ModSeq) throws -> UIDSet {
        UIDSet(
            try all("SELECT first, last FROM expunged WHERE mailbox_id = ? AND modseq > ?", .integer(mailbox), .integer(since)) { row in
                UID(truncatingIfNeeded: row.int64(0))...UID(truncatingIfNeeded: row.int64(1))
            })
    }
}
