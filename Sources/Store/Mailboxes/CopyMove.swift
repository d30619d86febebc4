import GRDB
package import Mail

extension MailStore {
    /// Messages that one transaction moves or removes: deliveries wait for no more than that.
    static let messagesInOnePiece = 10_000

    /// COPY, or MOVE (RFC 6851): the set's messages, with their flags and dates, at the end of another mailbox of the user. The body
    /// is shared. `.nonExistent` when there is no such mailbox, `.overQuota` for a copy that does not fit. A copy is all or nothing
    /// (RFC 3501 §6.4.7). A very large move is several transactions: when one fails, the ones before stay moved (RFC 6851 §3.3: each
    /// message is moved or unaffected).
    package func copy(
        _ mailbox: MailboxID, _ uids: UIDSet, user: UserID, to name: String, isMove: Bool
    ) async throws(StoreFailure) -> Copied {
        let source = mailbox.rawValue
        let (target, found) = try await read { db in
            guard let target = try db.mailboxID(user.rawValue, try canonicalName(name)) else { throw StoreFailure.nonExistent }
            return (target, isMove ? try db.uids(source, in: uids) : uids)
        }
        let pieces = isMove ? found.pieces(of: Self.messagesInOnePiece) : [found]
        var result: Copied?
        for piece in pieces {
            let copied = try await copyPiece(source, piece, user: user, to: target, isMove: isMove)
            guard var whole = result else {
                result = copied
                continue
            }
            for range in copied.sources.ranges { whole.sources.append(range) }
            for range in copied.destinations.ranges { whole.destinations.append(range) }
            whole.sourceModSeq = copied.sourceModSeq
            result = whole
        }
        guard let result else { throw .nonExistent }
        return result
    }

    private func copyPiece(
        _ source: Int64, _ uids: UIDSet, user: UserID, to target: Int64, isMove: Bool
    ) async throws(StoreFailure) -> Copied {
        let quota = Int64(integer(.quota))
        return try await writer.write { db, effects in
            let counted = try db.counted(source, uids, onlyDeleted: false)
            guard
                let sourceModSeq = try db.first(
                    "SELECT highestmodseq FROM mailbox WHERE id = ? AND user_id = ?", .integer(source), .integer(user.rawValue),
                    read: { $0.int64(0) })
            else { throw StoreFailure.nonExistent }
            if !isMove, counted.messages > 0, try !db.hasRoom(user.rawValue, for: counted.size, fallback: quota) {
                throw StoreFailure.overQuota
            }
            var result = Copied(uidValidity: 0, sources: counted.uids, destinations: UIDSet(), sourceModSeq: sourceModSeq)
            let place = try db.first(
                """
                UPDATE mailbox SET uidnext = uidnext + ?2, highestmodseq = highestmodseq + min(?2, 1), messages = messages + ?2,
                    unseen = unseen + ?3, size = size + ?4 WHERE id = ?1 RETURNING uidnext - ?2, highestmodseq, uidvalidity
                """, .integer(target), .int(counted.messages), .int(counted.unseen), .int(counted.size)
            ) { (uid: $0.int64(0), modSeq: $0.int64(1), validity: $0.int64(2)) }
            guard let place else { throw StoreFailure.nonExistent }
            result.uidValidity = UInt32(truncatingIfNeeded: place.validity)
            guard counted.messages > 0 else { return result }
            try db.run(
                """
                INSERT INTO message (id, modseq, flags, keywords, date, zone, size, body_id, prefix, hidden_start, hidden_end, envelope)
                SELECT message.id + (run.value ->> 2), ?2, flags, keywords, date, zone, size, body_id, prefix, hidden_start, hidden_end, envelope
                FROM json_each(?1) AS run CROSS JOIN message ON message.id BETWEEN run.value ->> 0 AND run.value ->> 1
                """, .runs(counted.uids, source, to: messageKey(target, UID(truncatingIfNeeded: place.uid))), .integer(place.modSeq))
            let first = UID(truncatingIfNeeded: place.uid)
            result.destinations = UIDSet(first...(first + UID(counted.messages - 1)))
            effects.touched.append(target)
            if isMove {
                result.sourceModSeq = try db.remove(counted, from: source)
                effects.touched.append(source)
            }
            return result
        }
    }

    /// EXPUNGE and UID EXPUNGE (RFC 4315): removes those messages of the set (nil: all) that are flagged \Deleted. Answers them and
    /// the mailbox's modification sequence. Very many are several transactions.
    package func expunge(_ mailbox: MailboxID, _ uids: UIDSet?) async throws(StoreFailure) -> (expunged: UIDSet, modSeq: ModSeq) {
        try await remove(mailbox, uids ?? UIDSet(1...UID.max), onlyDeleted: true)
    }

    /// Removes messages whatever their flags: POP3's QUIT. Very many are several transactions.
    package func remove(_ mailbox: MailboxID, _ uids: UIDSet) async throws(StoreFailure) -> (expunged: UIDSet, modSeq: ModSeq) {
        try await remove(mailbox, uids, onlyDeleted: false)
    }

    private func remove(
        _ mailbox: MailboxID, _ uids: UIDSet, onlyDeleted: Bool
    ) async throws(StoreFailure) -> (expunged: UIDSet, modSeq: ModSeq) {
        let id = mailbox.rawValue
        // Looked up by a reader: a mailbox of a million in which nothing is deleted keeps no delivery waiting.
        let found = try await read { try $0.counted(id, uids, onlyDeleted: onlyDeleted).uids }
        var expunged = UIDSet()
        var modSeq: ModSeq = 0
        for piece in found.pieces(of: Self.messagesInOnePiece) {
            let (gone, current) = try await writer.write { db, effects in
                let current = try db.first("SELECT highestmodseq FROM mailbox WHERE id = ?", .integer(id)) { $0.int64(0) }
                guard let current else { throw StoreFailure.nonExistent }
                let counted = try db.counted(id, piece, onlyDeleted: onlyDeleted)
                guard counted.messages > 0 else { return (UIDSet(), current) }
                effects.touched.append(id)
                return (counted.uids, try db.remove(counted, from: id))
            }
            for range in gone.ranges { expunged.append(range) }
            modSeq = current
        }
        return (expunged, modSeq)
    }
}

/// What of a set exists, and what counting needs to know of it.
private struct Counted {
    var uids = UIDSet()
    var messages = 0
    var unseen = 0
    var size = 0
}

extension UIDSet {
    /// Cut into sets of at most `count` members each; one empty set when it is empty.
    func pieces(of count: Int) -> [UIDSet] {
        var pieces: [UIDSet] = []
        var piece = UIDSet()
        var room = count
        for range in ranges {
            var low = range.lowerBound
            while true {
                let left = Int(range.upperBound - low) + 1
                let taken = Swift.min(left, room)
                piece.append(low...(low + UID(taken - 1)))
                room -= taken
                if room == 0 {
                    pieces.append(piece)
                    piece = UIDSet()
                    room = count
                }
                if taken == left { break }
                low += UID(taken)
            }
        }
        if !piece.isEmpty || pieces.isEmpty { pieces.append(piece) }
        return pieces
    }
}

extension Value {
    /// A set's ranges as message keys, `[[first,last],…]`, for json_each: one statement for any number of ranges. With `to`, the third
    /// is what takes a range's keys to consecutive ones from there on.
    fileprivate static func runs(_ uids: UIDSet, _ mailbox: Int64, to target: Int64? = nil) -> Value {
        var text = "["
        var next = target ?? 0
        for range in uids.ranges {
            let low = messageKey(mailbox, range.lowerBound)
            if text.utf8.count > 1 { text += "," }
            text += "[\(low),\(messageKey(mailbox, range.upperBound))"
            if target != nil { text += ",\(next - low)" }
            text += "]"
            next += Int64(range.count)
        }
        return .text(text + "]")
    }
}

extension Database {
    fileprivate func counted(_ mailbox: Int64, _ uids: UIDSet, onlyDeleted: Bool) throws -> Counted {
        var counted = Counted()
        try forEach(
            """
            SELECT message.id & 4294967295, size, flags FROM json_each(?1) AS run
            CROSS JOIN message ON message.id BETWEEN run.value ->> 0 AND run.value ->> 1 WHERE flags & ?2 = ?2
            """, [.runs(uids, mailbox), .int(onlyDeleted ? SystemFlags.deleted.rawValue : 0)]
        ) { row in
            counted.uids.append(UID(truncatingIfNeeded: row.int64(0)))
            counted.messages += 1
            counted.size += row.int(1)
            if row.int(2) & Int(SystemFlags.seen.rawValue) == 0 { counted.unseen += 1 }
            return true
        }
        return counted
    }

    /// In one statement: SQLite opens and winds back its statement journal once, not for each row.
    /// Removes messages whatever their flags, in this transaction.
    func remove(_ uids: UIDSet, from mailbox: Int64, _ effects: inout Effects) throws {
        let counted = try counted(mailbox, uids, onlyDeleted: false)
        guard counted.messages > 0 else { return }
        _ = try remove(counted, from: mailbox)
        effects.touched.append(mailbox)
    }

    fileprivate func remove(_ counted: Counted, from mailbox: Int64) throws -> ModSeq {
        let modSeq = try bumpModSeq(mailbox)
        try run(
            """
            DELETE FROM message WHERE id IN (SELECT message.id FROM json_each(?) AS run
                CROSS JOIN message ON message.id BETWEEN run.value ->> 0 AND run.value ->> 1)
            """, .runs(counted.uids, mailbox))
        try bury(counted.uids, in: mailbox, modSeq: modSeq)
        try run(
            "UPDATE mailbox SET messages = messages - ?, unseen = unseen - ?, size = size - ? WHERE id = ?", .int(counted.messages),
            .int(counted.unseen), .int(counted.size), .integer(mailbox))
        return modSeq
    }
}
