/// A certificate as it is kept: text in PEM form, not looked into here.
package struct StoredCertificate: Sendable, Equatable {
    package enum Origin: String, Sendable {
        /// Made by the server itself; there is one at most.
        case selfSigned = "self-signed"
        case given
    }

    package var id: Int64
    package var origin: Origin
    /// End-entity certificate first.
    package var chain: String
    package var key: String
}

extension MailStore {
    /// The newest first.
    package func certificates() async throws(StoreFailure) -> [StoredCertificate] {
        try await read { db in
            try db.all("SELECT id, origin, chain, key FROM certificate ORDER BY id DESC") { row in
                StoredCertificate(
                    id: row.int64(0), origin: StoredCertificate.Origin(rawValue: row.text(1)) ?? .given, chain: row.text(2),
                    key: row.text(3))
            }
        }
    }

    /// Keeps it; a self-signed one takes the place of the one before.
    package func addCertificate(_ origin: StoredCertificate.Origin, chain: String, key: String) async throws(StoreFailure) -> Int64 {
        try await writeDirectory { db, _ in
            if origin == .selfSigned { try db.run("DELETE FROM certificate WHERE origin = ?", .text(origin.rawValue)) }
            try db.run(
                "INSERT INTO certificate (origin, chain, key) VALUES (?, ?, ?)", .text(origin.rawValue), .text(chain), .text(key))
            return try db.first("SELECT last_insert_rowid()") { $0.int64(0) } ?? 0
        }
    }

    /// `.nonExistent`.
    package func removeCertificate(_ id: Int64) async throws(StoreFailure) {
        try await writeDirectory { db, _ in
            guard try db.run("DELETE FROM certificate WHERE id = ?", .integer(id)) > 0 else { throw StoreFailure.nonExistent }
        }
    }
}
