/// What expansion looks up, inside one consistent view of the database. Keys are folded (`Address.key`).
package protocol AddressBook {
    /// Whether mail for the domain (A-label, lower case) ends here.
    func isOurs(domain: String) -> Bool
    /// The user with this whole address.
    func user(_ key: String) -> LocalUser?
    /// The destinations of a forwarding row, as written, split at commas and trimmed; nil when there is no such row. The
    /// key is `local@domain`, `@domain`, or `local` alone.
    func destinations(of key: String) -> [String]?
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
