import GRDB
package import Mail

/// Which entries of the quarantine are meant: those that meet all that is said.
package struct QuarantineFilter: Sendable, Equatable {
    /// `Mail.Address.key` of one whose mailbox it would have come into.
    package var user: String?
    /// Of a recipient, or of where he leads.
    package var domain: Domain?
    package var sender: Sender?
    /// A `Filter.Category`.
    package var category: String?
    /// When it came here at the earliest, seconds since 1970.
    package var since: Int64?

    package enum Sender: Sendable, Equatable {
        /// The null reverse-path.
        case null
        case address(String)
        case domain(Domain)
    }

    package init() {}

    struct Conditions {
        var parts: [String] = []
        var values: [Value] = []

        var sql: String { parts.isEmpty ? "TRUE" : parts.map { "(\($0))" }.joined(separator: " AND ") }

        mutating func add(_ sql: String, _ values: [Value] = []) {
            parts.append(sql)
            self.values += values
        }
    }

    /// Only what is said stands there, so that each has its index: entries of a user by his, those of a time by theirs; the rest goes
    /// through entries from the newest on until there are enough.
    func conditions(_ wanted: String?) -> Conditions {
        var conditions = Conditions()
        if let wanted { Self.add(wanted, to: &conditions) }
        if let user {
            // `<> 0`: the index has no others.
            conditions.add(
                """
                quarantine.id IN (SELECT quarantine_id FROM quarantine_recipient
                    WHERE user_id <> 0 AND user_id = (SELECT id FROM user WHERE email = ?))
                """, [.text(user)])
        }
        if let domain {
            conditions.add(
                """
                EXISTS (SELECT 1 FROM quarantine_recipient WHERE quarantine_id = quarantine.id
                    AND (\(Self.endsSo("recipient")) OR \(Self.endsSo("destination"))))
                """, Self.ends(domain) + Self.ends(domain))
        }
        switch sender {
        case .none: break
        case .null: conditions.add("sender = ''")
        case .address(let address): conditions.add("lower(sender) = ?", [.text(folded(address))])
        case .domain(let domain): conditions.add(Self.endsSo("sender"), Self.ends(domain))
        }
        if let category { conditions.add("category = ?", [.text(category)]) }
        if let since {
            // Not asked of each entry from the newest on: the clock may have been set back in between.
            conditions.add("quarantine.id IN (SELECT id FROM quarantine WHERE created >= ?)", [.integer(since)])
        }
        return conditions
    }

    private static func add(_ wanted: String, to conditions: inout Conditions) {
        let plain = wanted.trimmed
        let bare = plain.hasPrefix("<") && plain.hasSuffix(">") ? String(plain.dropFirst().dropLast()) : plain
        // A number alone is an entry's own: Message-IDs are what strangers make them.
        if bare.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(bare) {
            return conditions.add("quarantine.id = ?", [.integer(number)])
        }
        let word = Value.text(folded(bare))
        conditions.add(
            """
            lower(queue_id) = ? OR lower(sender) = ? OR lower(message_id) IN (?, '<' || ? || '>') OR quarantine.id IN
                (SELECT quarantine_id FROM quarantine_recipient WHERE lower(recipient) = ? OR lower(destination) = ?)
            """, [Value](repeating: word, count: 6))
    }

    /// An address of the domain, as it is stored or as a sender may have written it.
    private static func endsSo(_ column: String) -> String { "substr(lower(\(column)), -?) = ? OR substr(lower(\(column)), -?) = ?" }

    private static func ends(_ domain: Domain) -> [Value] {
        ["@" + domain.ascii, "@" + folded(domain.unicode)].flatMap { [.int($0.unicodeScalars.count), .text($0)] }
    }
}
