import GRDB
package import Mail

extension MailStore {
    /// COPY, or MOVE (RFC 6851): the set's messages, with their flags and dates, at the end of another mailbox of the user. The body
    /// is shared. All or nothing: `.nonExistent` when there is no such mailbox, `.overQuota` for a copy that does not fit.
    package func copy(
        _ mailbox: MailboxID, _ uids: UIDSet, user: UserID, to name: String, isMove: Bool
    ) async throws(StoreFailure) -> Copied {
        let quota = Int64(integer(.quota))
        let source = mailbox.rawValue
        return try await writer.write { db, effects in
            let name = try canonicalName(name)
            guard let target = try db.mailboxID(user.rawValue, name) else { throw StoreFailure.nonExistent }
            let rows = try db.copiable(source, uids)
            guard
                let sourceModSeq = try db.first(
                    "SELECT highestmodseq FROM mailbox WHERE id = ? AND user_id = ?", .integer(source), .integer(user.rawValue),
                    read: { $0.int64(0) })
            else { throw StoreFailure.nonExistent }
            let size = rows.reduce(0) { $0 + $1.size }
            if !isMove, !rows.isEmpty, try !db.hasRoom(user.rawValue, for: size, fallback: quota) { throw StoreFailure.overQuota }
            var result = Copied(uidValidity: 0, sources: UIDSet(), destinations: UIDSet(), sourceModSeq: sourceModSeq)
            let unseen = rows.reduce(0) { $0 + ($1.isSeen ? 0 : 1) }
            let place = try db.first(
                """
                UPDATE mailbox SET uidnext = uidnext + ?2, highestmodseq = highestmodseq + min(?2, 1), messages = messages + ?2,
                    unseen = unseen + ?3, size = size + ?4 WHERE id = ?1 RETURNING uidnext - ?2, highestmodseq, uidvalidity
                """, .integer(target), .int(rows.count), .int(unseen), .int(size)
            ) { (uid: $0.int64(0), modSeq: $0.int64(1), validity: $0.int64(2)) }
            guard let place else { throw StoreFailure.nonExistent }
            result.uidValidity = UInt32(truncatingIfNeeded: place.validity)
            guard !rows.isEmpty else { return result }
            for (offset, row) in rows.enumerated() {
                let uid = UID(truncatingIfNeeded: place.uid + Int64(offset))
                try db.run(
                    """
                    INSERT INTO message (id, modseq, flags, keywords, date, zone, size, body_id, prefix, hidden_start, hidden_end)
                    SELECT ?, ?, flags, keywords, date, zone, size, body_id, prefix, hidden_start, hidden_end FROM message WHERE id = ?
                    """, .integer(messageKey(target, uid)), .integer(place.modSeq), .integer(messageKey(source, row.uid)))
                result.sources.append(row.uid)
                result.destinations.append(uid)
            }
            effects.touched.append(target)
            if isMove {
                result.sourceModSeq = try db.remove(rows, from: source)
                effects.touched.append(source)
            }
            return result
        }
    }

    /// EXPUNGE and UID EXPUNGE (RFC 4315): removes those messages of the set (nil: all) that are flagged \Deleted. Answers them and
    /// the mailbox's modification sequence.
    package func expunge(_ mailbox: MailboxID, _ uids: UIDSet?) async throws(StoreFailure) -> (expunged: UIDSet, modSeq: ModSeq) {
        try await remove(mailbox, uids ?? UIDSet(1...UID.max), onlyDeleted: true)
    }

    /// Removes messages whatever their flags: POP3's QUIT.
    package func remove(_ mailbox: MailboxID, _ uids: UIDSet) async throws(StoreFailure) -> (expunged: UIDSet, modSeq: ModSeq) {
        try await remove(mailbox, uids, onlyDeleted: false)
    }

    private func remove(
        _ mailbox: MailboxID, _ uids: UIDSet, onlyDeleted: Bool
    ) async throws(StoreFailure) -> (expunged: UIDSet, modSeq: ModSeq) {
        let id = mailbox.rawValue
        return try await writer.write { db, effects in
            let current = try db.first("SELECT highestmodseq FROM mailbox WHERE id = ?", .integer(id)) { $0.int64(0) }
            guard let current else { throw StoreFailure.nonExistent }
            let rows = try db.copiable(id, uids).filter { !onlyDeleted || $0.isDeleted }
            guard !rows.isEmpty else { return (UIDSet(), current) }
            let modSeq = try db.remove(rows, from: id)
            effects.touched.append(id)
            return (UIDSet(uids: rows.map(\.uid)), modSeq)
        }
    }
}

/// What counting needs to know of a message.
private struct Counted {
    var uid: UID
    var size: Int
    var flags: Int

    var isSeen: Bool { flags & Int(SystemFlags.seen.rawValue) != 0 }
    var isDeleted: Bool { flags & Int(SystemFlags.deleted.rawValue) != 0 }
}

extension Database {
    fileprivate func copiable(_ mailbox: Int64, _ uids: UIDSet) throws -> [Counted] {
        var rows: [Counted] = []
        for range in uids.ranges {
            try forEach(
                "SELECT id, size, flags FROM message WHERE id BETWEEN ? AND ? ORDER BY id",
                [.integer(messageKey(mailbox, range.lowerBound)), .integer(messageKey(mailbox, range.upperBound))]
            ) { row in
                rows.append(Counted(uid: UID(truncatingIfNeeded: row.int64(0) & 0xFFFF_FFFF), size: row.int(1), flags: row.int(2)))
                return true
            }
        }
        return rows
    }

    fileprivate func remove(_ rows: [Counted], from mailbox: Int64) throws -> ModSeq {
        let modSeq = try bumpModSeq(mailbox)
        for row in rows { try run("DELETE FROM message WHERE id = ?", .integer(messageKey(mailbox, row.uid))) }
        try bury(UIDSet(uids: rows.map(\.uid)), in: mailbox, modSeq: modSeq)
        try run(
            "UPDATE mailbox SET messages = messages - ?, unseen = unseen - ?, size = size - ? WHERE id = ?", .int(rows.count),
            .int(rows.reduce(0) { $0 + ($1.isSeen ? 0 : 1) }), .int(rows.reduce(0) { $0 + $1.size }), .integer(mailbox))
        return modSeq
    }
}
