package import Credentials
import GRDB
import Mail

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

    /// Whether the password is right, in one of its spellings; another system's hash is of the one that came. Milliseconds of CPU; up to
    /// a second for such a hash. The derivations also for nobody, of `iterations`.
    package static func areRight(_ password: [UInt8], for user: UserCredentials?, iterations: Int) -> Bool {
        let isVerified = isRight(password, for: user?.pending == nil ? user?.verifiers.first : nil, iterations: iterations)
        guard let user else { return false }
        if let pending = user.pending {
            // Between the sqlite3 tool's statement and its hashing, the new password is the password.
            if let hash = ForeignHash(pending) { return hash.matches(password) }
            return areEqual(sha256(normal(pending)), sha256(normal(password)))
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
        return Credentials.verifiers(for: password, iterations: iterations)
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

    /// Whether the verifiers, that the password is right for, were made of it as it is, which is not its normal form: a client that obeys
    /// RFC 5802 §2.2 can't use them. One derivation where the two differ.
    func isUnprepared(_ password: [UInt8]) -> Bool {
        let form = normal(password)
        guard form != password, pending == nil, let verifier = verifiers.first else { return false }
        return !verifier.matches(form)
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
        let email = folded(email.trimmed)
        let found = try await read { try $0.credentials(of: email) }
        let iterations = integer(.iterations)
        return try await blocking { UserCredentials.areRight(password, for: found, iterations: iterations) ? found?.user : nil }
    }

    /// The verifiers of a user, for SCRAM; empty for one who does not exist.
    package func verifiers(of email: String) async throws(StoreFailure) -> [Verifier] {
        let email = folded(email.trimmed)
        return try await read { try $0.credentials(of: email)?.verifiers ?? [] }
    }

    /// Whether some user has another system's hash.
    package func hasForeignHashes() async throws(StoreFailure) -> Bool {
        try await read { try $0.first("SELECT 1 FROM password_hash LIMIT 1") { _ in true } } != nil
    }

    /// How many users' verifiers have which iteration count; the 16 counts that most have. Reads all verifiers.
    package func usersByIterations() async throws(StoreFailure) -> [Int: Int] {
        try await read { try $0.usersByIterations() }
    }

    /// On the calling thread, which may wait for the disk.
    package func usersByIterationsNow() throws(StoreFailure) -> [Int: Int] {
        do {
            return try pool.read { try $0.usersByIterations() }
        } catch {
            throw storeFailure(error)
        }
    }

    /// After a login that showed the right password: another system's hash becomes verifiers, and what else should be stored of it is.
    /// Nothing happens when the user's credentials are no longer `checked`. Answers whether something was stored.
    @discardableResult
    package func renew(_ checked: UserCredentials, password: [UInt8]) async throws(StoreFailure) -> Bool {
        var isStale = checked.isStale(iterations: integer(.iterations), isLegacy: bool(.legacyMechanisms))
        if !isStale { isStale = try await blocking { checked.isUnprepared(password) } }
        guard isStale else { return false }
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
    func usersByIterations() throws -> [Int: Int] {
        // The number behind the first `$`; the cast ends where the digits do.
        let rows = try all(
            """
            SELECT CAST(substr(verifier, instr(verifier, '$') + 1) AS INTEGER) AS iterations, count(*) AS users FROM credential
            WHERE scheme = 'SCRAM-SHA-256' GROUP BY iterations ORDER BY users DESC LIMIT 16
            """
        ) { (Int($0.int64(0)), Int($0.int64(1))) }
        return Dictionary(rows.filter { Verifier.allowedIterations.contains($0.0) }) { first, _ in first }
    }

    /// For nobody another user's verifiers are read, so that it takes as long.
    func credentials(of email: String) throws -> UserCredentials? {
        let row = try first(
            """
            SELECT user.id, CAST(pending_password AS BLOB), password_hash.value, plain_password.password, other.user_id
            FROM (SELECT min(user_id) AS user_id FROM credential) AS other LEFT JOIN user ON email = ?
            LEFT JOIN password_hash ON password_hash.user_id = user.id LEFT JOIN plain_password ON plain_password.user_id = user.id
            """, .text(email)
        ) { row in
            (
                id: row.isNull(0) ? nil : row.int64(0), pending: row.isNull(1) ? nil : row.blob(1),
                hash: row.isNull(2) ? nil : row.text(2), plain: row.isNull(3) ? nil : row.blob(3),
                other: row.isNull(4) ? nil : row.int64(4)
            )
        }
        guard let row else { return nil }
        let own = try row.id.map(verifiers) ?? []
        if own.isEmpty, let other = row.other { _ = try verifiers(of: other) }
        guard let id = row.id else { return nil }
        return UserCredentials(
            user: UserID(id), email: email, verifiers: own, hash: row.hash, pending: row.pending, plain: row.plain)
    }

    private func verifiers(of user: Int64) throws -> [Verifier] {
        let verifiers = try all("SELECT verifier FROM credential WHERE user_id = ? ORDER BY scheme DESC", .integer(user)) {
            Verifier($0.text(0))
        }
        return verifiers.compactMap { $0 }
    }
}
