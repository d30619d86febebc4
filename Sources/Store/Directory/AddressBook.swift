package import Credentials
import GRDB
import Synchronization

/// Look-ups of one moment: all of them see the same commit.
package struct AddressBook: ~Copyable {
    let database: Database

    /// `name`: an A-label in lower case.
    package func isDomain(_ name: String) throws -> Bool {
        try database.first("SELECT 1 FROM domain WHERE name = ?", .text(name)) { _ in true } ?? false
    }

    /// `key`: `Mail.Address.key`.
    package func user(_ key: String) throws -> UserID? { try database.userID(key).map(UserID.init) }

    /// What a forwarding's row says, in its order; nil without a row. `origin`: folded.
    package func destinations(of origin: String) throws -> [String]? {
        try database.first("SELECT destination FROM forwarding WHERE origin = ?", .text(origin)) { destinationList($0.text(0)) }
    }

    /// The address of the user who is here longest.
    package func oldestUser() throws -> String? {
        try database.first("SELECT email FROM user ORDER BY id LIMIT 1") { $0.text(0) }
    }

    /// Whether the user has a quota at all. `fallback`: the setting.
    package func hasQuota(_ user: UserID, fallback: Int) throws -> Bool {
        let own = try database.first("SELECT quota FROM user WHERE id = ?", .integer(user.rawValue)) { $0.int(0) } ?? -1
        return (own < 0 ? fallback : own) != 0
    }

    /// Whether `size` more bytes fit into the user's quota. `fallback`: the setting.
    package func hasRoom(_ user: UserID, for size: Int, fallback: Int) throws -> Bool {
        try database.hasRoom(user.rawValue, for: size, fallback: Int64(fallback))
    }
}

extension MailStore {
    package func withAddressBook<Result: Sendable>(
        _ body: @escaping @Sendable (borrowing AddressBook) throws -> Result
    ) async throws(StoreFailure) -> Result {
        try await read { try body(AddressBook(database: $0)) }
    }

    /// Whether the password is the user's: his identity, or nil. Costs the same for a user who does not exist. Milliseconds of CPU, on
    /// a thread of its own.
    package func authenticate(_ email: String, password: [UInt8]) async throws(StoreFailure) -> UserID? {
        let email = folded(trimmed(email))
        let found = try await read { db in
            try db.first(
                """
                SELECT user.id, coalesce(verifier, ''), pending_password FROM user
                LEFT JOIN credential ON user_id = user.id AND scheme = 'SCRAM-SHA-256' WHERE email = ?
                """, .text(email)
            ) { (id: $0.int64(0), verifier: $0.text(1), pending: $0.isNull(2) ? nil : $0.blob(2)) }
        }
        let iterations = integer(.iterations)
        return try await blocking {
            // Between the sqlite3 tool's statement and its hashing, the new password is the password.
            if let pending = found?.pending {
                _ = isRight(password, for: nil, iterations: iterations)
                return areEqual(sha256(pending), sha256(password)) ? found.map { UserID($0.id) } : nil
            }
            let verifier = found.flatMap { Verifier($0.verifier) }
            return isRight(password, for: verifier, iterations: iterations) ? found.map { UserID($0.id) } : nil
        }
    }

    /// The verifiers of a user, for SCRAM; empty for one who does not exist.
    package func verifiers(of email: String) async throws(StoreFailure) -> [Verifier] {
        let email = folded(trimmed(email))
        return try await read { db in
            try db.all(
                "SELECT verifier FROM credential JOIN user ON user.id = user_id WHERE email = ? ORDER BY scheme DESC", .text(email)
            ) { Verifier($0.text(0)) }.compactMap { $0 }
        }
    }

    // MARK: Passwords from the sqlite3 tool

    /// Hashes what lies in `pending_password`, wipes it, and sees that no copy stays in the write-ahead log. Answers how many there were.
    @discardableResult
    package func hashPendingPasswords() async throws(StoreFailure) -> Int {
        var count = 0
        while true {
            let round = try await hashSomePasswords()
            if round == 0 { break }
            count += round
        }
        if count > 0 { try await checkpoint(.truncate) }
        return count
    }

    /// How many were hashed. 0 also when all of those found were changed meanwhile: the next look sees them.
    private func hashSomePasswords() async throws(StoreFailure) -> Int {
        // As bytes: the tool writes what it is given, which need not be UTF-8.
        let pending = try await read { db in
            try db.all("SELECT id, CAST(pending_password AS BLOB) FROM user WHERE pending_password IS NOT NULL LIMIT 1000") {
                (id: $0.int64(0), password: $0.blob(1))
            }
        }
        var hashed = 0
        for (id, password) in pending {
            let verifiers = try await derive(password)
            hashed += try await writer.write { db, _ in
                // Only this one: a newer one that came meanwhile is the next round's.
                let count = try db.run(
                    "UPDATE user SET pending_password = NULL WHERE id = ? AND CAST(pending_password AS BLOB) = ?", .integer(id),
                    .blob(password))
                if count > 0 { try db.setVerifiers(verifiers, of: id) }
                return count
            }
        }
        return hashed
    }
}
