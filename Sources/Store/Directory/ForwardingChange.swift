import GRDB
import Mail

extension MailStore {
    /// Reads a forwarding's destinations (none without a row), lets `change` decide what they shall be, and writes that, in one
    /// transaction: two commands at once lose nothing. No destination at all removes the row. `check` sees the book as it would be;
    /// what either throws leaves everything as it was. Answers the new destinations.
    package func changeForwarding(
        _ origin: String, _ change: @escaping @Sendable ([String]) throws -> [String],
        check: @escaping @Sendable (borrowing AddressBook) throws -> Void = { _ in }
    ) async throws(StoreFailure) -> [String] {
        let origin = folded(origin.trimmed)
        guard !origin.isEmpty, origin != "@", origin.utf8.count <= 320,
            !origin.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == 0x2C || $0 == 0x3C || $0 == 0x3E })
        else { throw .invalid("origin") }
        return try await writeDirectory { db, _ in
            let existing = try AddressBook(database: db).destinations(of: origin)
            let new = try change(existing ?? []).map(\.trimmed).filter { !$0.isEmpty }
            let text = new.joined(separator: ", ")
            if new.isEmpty {
                try db.run("DELETE FROM forwarding WHERE origin = ?", .text(origin))
            } else if existing == nil {
                try db.run("INSERT INTO forwarding VALUES (?, ?)", .text(origin), .text(text))
            } else {
                try db.run("UPDATE forwarding SET destination = ? WHERE origin = ?", .text(text), .text(origin))
            }
            try check(AddressBook(database: db))
            return new
        }
    }
}
