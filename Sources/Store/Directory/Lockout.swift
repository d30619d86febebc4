import GRDB

/// Who is refused for a while because of wrong passwords.
package struct Lockout: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case address, account
    }

    package var kind: Kind
    /// An IPv4 address, the network of an IPv6 one (`2001:db8::/64`), or a login, folded; whether somebody has it or not.
    package var key: String
    /// Distinct wrong passwords.
    package var failures: Int
    /// Seconds since 1970: the last wrong one, and the end.
    package var last: Int64
    package var until: Int64

    package init(kind: Kind, key: String, failures: Int, last: Int64, until: Int64) {
        self.kind = kind
        self.key = key
        self.failures = failures
        self.last = last
        self.until = until
    }
}

extension MailStore {
    /// Rows that are kept, the ones that last longest.
    static let lockoutLimit = 10_000

    /// Those that hold at `now`, the newest first.
    package func lockouts(now: Int64) async throws(StoreFailure) -> [Lockout] {
        try await read { db in
            try db.all("SELECT kind, key, failures, last, until FROM lockout WHERE until > ? ORDER BY last DESC, kind, key", .integer(now))
            {
                row in
                Lockout(
                    kind: Lockout.Kind(rawValue: row.text(0)) ?? .address, key: row.text(1), failures: row.int(2), last: row.int64(3),
                    until: row.int64(4))
            }
        }
    }

    /// Whether it was lifted meanwhile is asked here. On the calling thread, which may wait for the disk.
    package func isLockedOut(_ kind: Lockout.Kind, _ key: String, now: Int64) throws(StoreFailure) -> Bool {
        do {
            return try pool.read { db in
                try db.first(
                    "SELECT 1 FROM lockout WHERE kind = ? AND key = ? AND until > ?", .text(kind.rawValue), .text(key), .integer(now)
                ) { _ in true } ?? false
            }
        } catch {
            throw storeFailure(error)
        }
    }

    package func keepLockout(_ lockout: Lockout) async throws(StoreFailure) {
        try await writer.write { db, _ in
            try db.run(
                """
                INSERT INTO lockout VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET failures = excluded.failures, last = excluded.last, until = excluded.until
                """, .text(lockout.kind.rawValue), .text(lockout.key), .int(lockout.failures), .integer(lockout.last),
                .integer(lockout.until))
            try db.run("DELETE FROM lockout WHERE until <= ?", .integer(lockout.last))
            try db.run(
                """
                DELETE FROM lockout WHERE (kind, key) IN (SELECT kind, key FROM lockout ORDER BY until DESC LIMIT -1 OFFSET ?)
                """, .int(Self.lockoutLimit))
        }
    }

    /// How many were lifted. `key` nil: all. A running server notices at the next try.
    package func liftLockouts(_ key: String?) async throws(StoreFailure) -> Int {
        try await writer.write { db, _ in
            guard let key else { return try db.run("DELETE FROM lockout") }
            return try db.run("DELETE FROM lockout WHERE key = ?", .text(key))
        }
    }
}
