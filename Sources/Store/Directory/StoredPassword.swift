import Credentials
import GRDB
import Mail

/// A password in the form in which it is stored.
enum StoredPassword: Sendable {
    /// `plain`: itself as well, while the setting legacy-mechanisms is on.
    case derived([StoredVerifier], plain: [UInt8]?)
    /// `{SCHEME}value` of another system.
    case hash(String)
}

struct StoredVerifier: Sendable {
    var scheme: String
    var stored: String
}

extension MailStore {
    func derive(_ password: [UInt8]) async throws(StoreFailure) -> StoredPassword {
        let iterations = integer(.iterations)
        let both = try await blocking {
            Credentials.verifiers(for: password, iterations: iterations).map { StoredVerifier(scheme: $0.hash.rawValue, stored: $0.stored) }
        }
        guard both.count == VerifierHash.allCases.count else { throw .ioError("password derivation failed") }
        return .derived(both, plain: bool(.legacyMechanisms) ? password : nil)
    }

    /// Text that may be another system's hash: `{SCHEME}value`.
    func stored(_ text: [UInt8]) async throws(StoreFailure) -> StoredPassword {
        guard let hash = ForeignHash(text) else { return try await derive(text) }
        if let password = hash.password { return try await derive(password) }
        return .hash(String(decoding: text, as: UTF8.self))
    }

    func setPassword(_ email: String, _ password: StoredPassword) async throws(StoreFailure) {
        try await writeDirectory { db, _ in
            guard let id = try db.userID(email) else { throw StoreFailure.nonExistent }
            try db.run("UPDATE user SET pending_password = NULL WHERE id = ? AND pending_password IS NOT NULL", .integer(id))
            try db.setPassword(password, of: id)
        }
    }

    // MARK: Hashes of other systems

    /// As `addUser`, with a hash instead of the password. `.invalid` also for a hash that no password could match.
    @discardableResult
    package func addUser(_ email: String, hash: String, quota: Int? = nil) async throws(StoreFailure) -> UserID {
        let email = folded(email.trimmed)
        guard let domain = emailDomain(email) else { throw .invalid("email") }
        return try await addUser(email, domain, try await usable(hash), quota)
    }

    package func setPassword(_ email: String, hash: String) async throws(StoreFailure) {
        try await setPassword(folded(email.trimmed), try await usable(hash))
    }

    private func usable(_ hash: String) async throws(StoreFailure) -> StoredPassword {
        guard let known = ForeignHash(hash), known.isUsable else { throw .invalid("hash") }
        return try await stored(Array(hash.utf8))
    }

    // MARK: Passwords from the sqlite3 tool

    /// Works off what lies in `pending_password`, wipes it, and sees that no copy stays in the write-ahead log. Answers how many there were.
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
            let stored = try await stored(password)
            hashed += try await writer.write { db, _ in
                // Only this one: a newer one that came meanwhile is the next round's.
                let count = try db.run(
                    "UPDATE user SET pending_password = NULL WHERE id = ? AND CAST(pending_password AS BLOB) = ?", .integer(id),
                    .blob(password))
                if count > 0 { try db.setPassword(stored, of: id) }
                return count
            }
        }
        return hashed
    }
}

extension Database {
    /// In the place of whatever there was.
    func setPassword(_ password: StoredPassword, of user: Int64) throws {
        switch password {
        case .derived(let verifiers, let plain):
            for verifier in verifiers {
                try run(
                    "INSERT INTO credential VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET verifier = excluded.verifier", .integer(user),
                    .text(verifier.scheme), .text(verifier.stored))
            }
            try run("DELETE FROM password_hash WHERE user_id = ?", .integer(user))
            try run("DELETE FROM plain_password WHERE user_id = ?", .integer(user))
            if let plain { try run("INSERT INTO plain_password VALUES (?, ?)", .integer(user), .blob(plain)) }
        case .hash(let value):
            try run("DELETE FROM credential WHERE user_id = ?", .integer(user))
            try run("DELETE FROM plain_password WHERE user_id = ?", .integer(user))
            try run("DELETE FROM password_hash WHERE user_id = ?", .integer(user))
            // A scheme without a value, as other systems write for who may not log in: no password is right.
            if !value.hasSuffix("}") { try run("INSERT INTO password_hash VALUES (?, ?)", .integer(user), .text(value)) }
        }
    }
}
