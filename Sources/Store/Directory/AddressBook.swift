import GRDB

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
}
