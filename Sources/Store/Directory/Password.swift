package import Credentials
import GRDB

/// What there is to check a user's password with, at one moment.
package struct UserCredentials: Sendable {
    package let user: UserID
    /// Folded.
    package let email: String
    /// SHA-256 first.
    package let verifiers: [Verifier]
    /// `{SCHEME}value` of another system; then there are no verifiers yet.
    package let hash: String?
    /// What the sqlite3 tool wrote and the server has not worked off: it is the password already.
    package let pending: [UInt8]?
    /// For CRAM-MD5 and DIGEST-MD5.
    package let plain: [UInt8]?

    /// Whether the password is right. Milliseconds of CPU; up to a second for another system's hash. One derivation also for nobody.
    package static func areRight(_ password: [UInt8], for user: UserCredentials?, iterations: Int) -> Bool {
        let isVerified = isRight(password, for: user?.pending == nil ? user?.verifiers.first : nil, iterations: iterations)
        guard let user else { return false }
        if let pending = user.pending {
            // Between the sqlite3 tool's statement and its hashing, the new password is the password.
            if let hash = ForeignHash(pending) { return hash.matches(password) }
            return areEqual(sha256(pending), sha256(password))
        }
        if let hash = user.hash { return ForeignHash(hash)?.matches(password) ?? false }
        return isVerified
    }

    /// What SCRAM can use: the verifiers, or some that are made on the spot from a password that was not worked off yet.
    package func verifiers(iterations: Int) -> [Verifier] {
        guard let pending else { return verifiers }
        let password: [UInt8]?
        if let hash = ForeignHash(pending) { password = hash.password } else { password = pending }
        guard let password else { return [] }
        return VerifierHash.allCases.compactMap { Verifier(password: password, hash: $0, iterations: iterations) }
    }

    /// Likewise for the mechanisms that need the password.
    package var password: [UInt8]? {
        guard let pending else { return plain }
        if let hash = ForeignHash(pending) { return hash.password }
        return pending
    }

    /// Whether a login that showed the password should be used to store it anew.
    func isStale(iterations: Int, isLegacy: Bool) -> Bool {
        guard pending == nil else { return false }
        return hash != nil || verifiers.count < VerifierHash.allCases.count || verifiers.contains { $0.iterations != iterations }
            || (isLegacy && plain == nil)
    }
}

extension MailStore {
    /// On the calling thread, which may wait for the disk. Nil for nobody. `email`: folded.
    package func credentials(of email: String) throws(StoreFailure) -> UserCredentials? {
        do {
            return try pool.read { try $0.credentials(of: email) }
        } catch {
            throw storeFailure(error)
        }
    }

    /// Whether the password is the user's: his identity, or nil. Costs the same for a user who does not exist. Milliseconds of CPU, on
    /// a thread of its own.
    package func authenticate(_ email: String, password: [UInt8]) async throws(StoreFailure) -> UserID? {
        let email = folded(trimmed(email))
        let found = try await read { try $0.credentials(of: email) }
        let iterations = integer(.iterations)
        return try await blocking { UserCredentials.areRight(password, for: found, iterations: iterations) ? found?.user : nil }
    }

    /// The verifiers of a user, for SCRAM; empty for one who does not exist.
    package func verifiers(of email: String) async throws(StoreFailure) -> [Verifier] {
        let email = folded(trimmed(email))
        return try await read { try $0.credentials(of: email)?.verifiers ?? [] }
    }

    /// After a login that showed the right password: another system's hash becomes verifiers, and what else should be stored of it is.
    /// Nothing happens when the user's credentials are no longer `checked`. Answers whether something was stored.
    @discardableResult
    package func renew(_ checked: UserCredentials, password: [UInt8]) async throws(StoreFailure) -> Bool {
        guard checked.isStale(iterations: integer(.iterations), isLegacy: bool(.legacyMechanisms)) else { return false }
        let fresh = try await derive(password)
        return try await writer.write { db, _ in
            guard let now = try db.credentials(of: checked.email), now.user == checked.user, now.hash == checked.hash, now.pending == nil,
                now.verifiers == checked.verifiers
            else { return false }
            try db.setPassword(fresh, of: checked.user.rawValue)
            return true
        }
    }

    /// Forgets readable passwords when the setting does not ask for them, and sees that no copy stays in the write-ahead log.
    func wipePlainPasswords() async throws(StoreFailure) {
        guard !bool(.legacyMechanisms) else { return }
        guard try await read({ try $0.first("SELECT 1 FROM plain_password LIMIT 1") { _ in true } }) != nil else { return }
        _ = try await writer.write { db, _ in try db.run("DELETE FROM plain_password") }
        try await checkpoint(.truncate)
    }
}

extension Database {
    func credentials(of email: String) throws -> UserCredentials? {
        let found = try first(
            """
            SELECT user.id, CAST(pending_password AS BLOB), password_hash.value, plain_password.password FROM user
            LEFT JOIN password_hash ON password_hash.user_id = user.id LEFT JOIN plain_password ON plain_password.user_id = user.id
            WHERE email = ?
            """, .text(email)
        ) { row in
            (
                id: row.int64(0), pending: row.isNull(1) ? nil : row.blob(1), hash: row.isNull(2) ? nil : row.text(2),
                plain: row.isNull(3) ? nil : row.blob(3)
            )
        }
        guard let found else { return nil }
        let verifiers = try all("SELECT verifier FROM credential WHERE user_id = ? ORDER BY scheme DESC", .integer(found.id)) {
            Verifier($0.text(0))
        }
        return UserCredentials(
            user: UserID(found.id), email: email, verifiers: verifiers.compactMap { $0 }, hash: found.hash, pending: found.pending,
            plain: found.plain)
    }
}
