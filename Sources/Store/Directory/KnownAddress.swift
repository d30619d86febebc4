import GRDB

/// Where users logged in from lately.
extension MailStore {
    /// Seconds for which a login makes an address known: 30 days.
    package static let knownAddressAge: Int64 = 30 * 86_400
    /// Addresses kept for a user, the newest.
    static let knownAddressLimit = 64

    /// Whether somebody logged in from there lately; `user`: that one. On the calling thread, which may wait for the disk.
    package func isKnown(address: String, user: String? = nil, now: Int64) throws(StoreFailure) -> Bool {
        let since = now - Self.knownAddressAge
        do {
            return try pool.read { db in
                guard let user else {
                    return try db.first(
                        "SELECT 1 FROM known_address WHERE address = ? AND last > ? LIMIT 1", .text(address), .integer(since)
                    ) { _ in true } ?? false
                }
                return try db.first(
                    """
                    SELECT 1 FROM known_address JOIN user ON user.id = user_id
                    WHERE user_id = (SELECT id FROM user WHERE email = ?) AND address = ? AND last > ?
                    """, .text(user), .text(address), .integer(since)
                ) { _ in true } ?? false
            }
        } catch {
            throw storeFailure(error)
        }
    }

    /// Remembers a login, to the hour.
    package func noteLogin(_ user: String, address: String, now: Int64) async throws(StoreFailure) {
        let hour = now / 3_600 * 3_600
        try await writer.write { db, _ in
            guard let id = try db.userID(user) else { return }
            try db.run(
                "INSERT INTO known_address VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = max(last, excluded.last)", .integer(id),
                .text(address), .integer(hour))
            try db.run(
                """
                DELETE FROM known_address WHERE user_id = ?1 AND (last < ?2 OR address NOT IN
                    (SELECT address FROM known_address WHERE user_id = ?1 ORDER BY last DESC, address = ?3 DESC LIMIT ?4))
                """, .integer(id), .integer(now - Self.knownAddressAge), .text(address), .int(Self.knownAddressLimit))
        }
    }
}
