import GRDB
package import Mail

extension MailStore {
    /// Messages of the set that have all flags `with` and none of `without`. Costs what it finds where that is the unseen ones, which
    /// have an index; else one narrow walk.
    package func uids(
        _ mailbox: MailboxID, _ uids: UIDSet, with: SystemFlags, without: SystemFlags
    ) async throws(StoreFailure) -> UIDSet {
        let id = mailbox.rawValue
        return try await read { db in
            var sql = "SELECT id & 4294967295 FROM message WHERE id BETWEEN ? AND ?"
            if without.contains(.seen) { sql += " AND flags & 8 = 0" }
            let mask = with.union(without).subtracting(without.contains(.seen) ? .seen : [])
            if !mask.isEmpty { sql += " AND flags & \(mask.rawValue) = \(with.rawValue)" }
            sql += " ORDER BY id"
            var found = UIDSet()
            for range in uids.ranges {
                let bounds: [Value] = [.integer(messageKey(id, range.lowerBound)), .integer(messageKey(id, range.upperBound))]
                try db.forEach(sql, bounds) { row in
                    found.append(UID(truncatingIfNeeded: row.int64(0)))
                    return true
                }
            }
            return found
        }
    }
}
