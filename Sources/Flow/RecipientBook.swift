package import Store

/// What expansion looks up, inside one consistent view of the database. Keys are folded (`Address.key`).
package protocol RecipientBook: ~Copyable {
    /// Whether mail for the domain (A-label, lower case) ends here.
    func isOurs(domain: String) throws -> Bool
    /// The user with this whole address.
    func localUser(_ key: String) throws -> LocalUser?
    /// The destinations of a forwarding row, as written, split at commas and trimmed; nil when there is no such row. The
    /// key is `local@domain`, `@domain`, or `local` alone.
    func destinations(of key: String) throws -> [String]?
    /// Who is in charge while no administrator is named: the user who is here longest. Nil without users.
    func oldestUser() throws -> String?
}

/// A user as expansion finds him.
package struct LocalUser: Hashable, Sendable {
    package var id: Int64
    package var address: String

    package init(id: Int64, address: String) {
        self.id = id
        self.address = address
    }
}

extension AddressBook: RecipientBook {
    package func isOurs(domain: String) throws -> Bool { try isDomain(domain) }

    package func localUser(_ key: String) throws -> LocalUser? {
        try user(key).map { LocalUser(id: $0.rawValue, address: key) }
    }
}
