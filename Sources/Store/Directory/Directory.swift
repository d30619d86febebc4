import Credentials
import GRDB
import Mail

/// A user as the administration sees him.
package struct User: Sendable, Equatable {
    package var id: UserID
    package var email: String
    /// Bytes; 0 is unlimited, nil is the setting's.
    package var quota: Int?
    /// Bytes of his messages.
    package var used: Int
    package var messages: Int
    package var hasPassword: Bool
}

package struct Forwarding: Sendable, Equatable {
    /// `user@domain`, `@domain`, or a name of the server itself; folded.
    package var origin: String
    package var destinations: [String]

    package init(origin: String, destinations: [String]) {
        self.origin = origin
        self.destinations = destinations
    }
}

/// Names come folded to ASCII lower case, domains as A-labels (`Mail.Address.key`); other cases are folded here.
extension MailStore {
    package static let minimumPasswordLength = 1

    // MARK: Domains

    package func domains() async throws(StoreFailure) -> [String] {
        try await read { try $0.all("SELECT name FROM domain ORDER BY name") { $0.text(0) } }
    }

    /// `.invalid`, `.alreadyExists`.
    package func addDomain(_ name: String) async throws(StoreFailure) {
        let name = folded(name.trimmed)
        guard isDomain(name) else { throw .invalid("domain") }
        try await writeDirectory { db, _ in _ = try db.run("INSERT INTO domain (name) VALUES (?)", .text(name)) }
    }

    /// `.nonExistent`, or `.inUse` while it has users.
    package func removeDomain(_ name: String) async throws(StoreFailure) {
        let name = folded(name.trimmed)
        try await writeDirectory { db, _ in
            guard let id = try db.first("SELECT id FROM domain WHERE name = ?", .text(name), read: { $0.int64(0) })
            else { throw StoreFailure.nonExistent }
            let users = try db.first("SELECT count(*) FROM user WHERE domain_id = ?", .integer(id)) { $0.int(0) } ?? 0
            guard users == 0 else { throw StoreFailure.inUse }
            try db.run("DELETE FROM domain WHERE id = ?", .integer(id))
        }
    }

    // MARK: Users

    package func users(in domain: String? = nil) async throws(StoreFailure) -> [User] {
        try await read { db in
            try db.all(User.query + " WHERE ?1 = '' OR domain.name = ?1 ORDER BY email", .text(folded(domain ?? "")), read: User.init)
        }
    }

    package func user(_ email: String) async throws(StoreFailure) -> User? {
        try await read { try $0.first(User.query + " WHERE email = ?", .text(folded(email.trimmed)), read: User.init) }
    }

    /// Why a password is refused that SASLprep has no form for: a client that prepares it could not log in.
    package static let prohibitedPassword = StoreFailure.invalid("password-characters")

    /// `.invalid`, `.unknownDomain`, `.alreadyExists`. The six mailboxes come with him.
    @discardableResult
    package func addUser(_ email: String, password: [UInt8], quota: Int? = nil) async throws(StoreFailure) -> UserID {
        let email = folded(email.trimmed)
        guard let domain = emailDomain(email) else { throw .invalid("email") }
        try admit(password)
        return try await addUser(email, domain, try await derive(password), quota)
    }

    func addUser(_ email: String, _ domain: String, _ password: StoredPassword, _ quota: Int?) async throws(StoreFailure) -> UserID {
        try await writeDirectory { db, _ in
            guard let domainID = try db.first("SELECT id FROM domain WHERE name = ?", .text(domain), read: { $0.int64(0) })
            else { throw StoreFailure.unknownDomain }
            try db.run(
                "INSERT INTO user (domain_id, email, quota) VALUES (?, ?, ?)", .integer(domainID), .text(email), .int(quota ?? -1))
            // The trigger's own insertions move last_insert_rowid back when it ends.
            let id = db.lastInsertedRowID
            try db.setPassword(password, of: id)
            return UserID(id)
        }
    }

    package func setPassword(_ email: String, _ password: [UInt8]) async throws(StoreFailure) {
        try admit(password)
        try await setPassword(folded(email.trimmed), try await derive(password))
    }

    private func admit(_ password: [UInt8]) throws(StoreFailure) {
        guard password.count >= Self.minimumPasswordLength else { throw .invalid("password") }
        guard prepared(password) != nil else { throw Self.prohibitedPassword }
    }

    /// nil: the setting's; 0: unlimited.
    package func setQuota(_ email: String, _ quota: Int?) async throws(StoreFailure) {
        let email = folded(email.trimmed)
        try await writeDirectory { db, _ in
            guard try db.run("UPDATE user SET quota = ? WHERE email = ?", .int(quota ?? -1), .text(email)) > 0
            else { throw StoreFailure.nonExistent }
        }
    }

    /// With his mailboxes and all his mail.
    package func removeUser(_ email: String) async throws(StoreFailure) {
        let email = folded(email.trimmed)
        try await writeDirectory { db, effects in
            guard let id = try db.userID(email) else { throw StoreFailure.nonExistent }
            effects.touched = try db.all("SELECT id FROM mailbox WHERE user_id = ?", .integer(id)) { $0.int64(0) }
            try db.run("DELETE FROM user WHERE id = ?", .integer(id))
        }
    }

    // MARK: Forwardings

    package func forwardings() async throws(StoreFailure) -> [Forwarding] {
        try await read { db in
            try db.all("SELECT origin, destination FROM forwarding ORDER BY origin") {
                Forwarding(origin: $0.text(0), destinations: destinationList($0.text(1)))
            }
        }
    }

    package func forwarding(_ origin: String) async throws(StoreFailure) -> Forwarding? {
        let origin = folded(origin.trimmed)
        return try await read { db in
            try db.first("SELECT destination FROM forwarding WHERE origin = ?", .text(origin)) {
                Forwarding(origin: origin, destinations: destinationList($0.text(0)))
            }
        }
    }
}

/// `a@x , b@y` as its parts.
func destinationList(_ text: String) -> [String] {
    text.split(separator: ",").map { String($0).trimmed }.filter { !$0.isEmpty }
}

extension User {
    fileprivate static let query = """
        SELECT user.id, email, quota, coalesce((SELECT sum(size) FROM mailbox WHERE user_id = user.id), 0),
            coalesce((SELECT sum(messages) FROM mailbox WHERE user_id = user.id), 0),
            pending_password IS NOT NULL OR EXISTS (SELECT 1 FROM credential WHERE user_id = user.id)
                OR EXISTS (SELECT 1 FROM password_hash WHERE user_id = user.id)
        FROM user JOIN domain ON domain.id = domain_id
        """

    fileprivate init(_ row: Columns) {
        self.init(
            id: UserID(row.int64(0)), email: row.text(1), quota: row.int(2) < 0 ? nil : row.int(2), used: row.int(3), messages: row.int(4),
            hasPassword: row.int(5) != 0)
    }
}

extension Database {
    func userID(_ email: String) throws -> Int64? {
        try first("SELECT id FROM user WHERE email = ?", .text(email)) { $0.int64(0) }
    }
}
