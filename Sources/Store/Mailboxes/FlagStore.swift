import GRDB
package import Mail

extension MailStore {
    /// STORE: changes flags of the set's messages. Answers a change for each message that exists, whether or not its flags differ
    /// now, and the mailbox's modification sequence. One command takes one modification sequence; messages that stay as they were keep theirs.
    package func store(
        _ mailbox: MailboxID, _ uids: UIDSet, _ operation: FlagOperation, _ flags: Flags
    ) async throws(StoreFailure) -> (changes: [FlagChange], modSeq: ModSeq) {
        let id = mailbox.rawValue
        return try await writer.write { db, effects in
            let current = try db.first("SELECT highestmodseq FROM mailbox WHERE id = ?", .integer(id)) { $0.int64(0) }
            guard let current else { throw StoreFailure.nonExistent }
            var changes: [FlagChange] = []
            var changed: [(index: Int, wasSeen: Bool)] = []
            for range in uids.ranges {
                try db.forEach(
                    "SELECT id, flags, keywords, modseq FROM message WHERE id BETWEEN ? AND ? ORDER BY id",
                    [.integer(messageKey(id, range.lowerBound)), .integer(messageKey(id, range.upperBound))]
                ) { row in
                    let before = row.flags(1)
                    var after = before
                    guard after.apply(operation, flags) else { throw StoreFailure.limit("keywords") }
                    if after != before { changed.append((changes.count, before.system.contains(.seen))) }
                    changes.append(
                        FlagChange(uid: UID(truncatingIfNeeded: row.int64(0) & 0xFFFF_FFFF), flags: after, modSeq: row.int64(3)))
                    return true
                }
            }
            guard !changed.isEmpty else { return (changes, current) }
            let modSeq = try db.bumpModSeq(id)
            var unseen = 0
            for (index, wasSeen) in changed {
                let flags = changes[index].flags
                try db.run(
                    "UPDATE message SET flags = ?, keywords = ?, modseq = ? WHERE id = ?", .int(flags.system.rawValue),
                    .text(flags.keywords.joined(separator: " ")), .integer(modSeq), .integer(messageKey(id, changes[index].uid)))
                changes[index].modSeq = modSeq
                if wasSeen != flags.system.contains(.seen) { unseen += wasSeen ? 1 : -1 }
            }
            if unseen != 0 { try db.run("UPDATE mailbox SET unseen = unseen + ? WHERE id = ?", .int(unseen), .integer(id)) }
            effects.touched.append(id)
            return (changes, modSeq)
        }
    }
}
