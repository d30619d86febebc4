/// Random bytes of the server's own, made with the data directory.
package enum ServerSecret: String, Sendable {
    /// Keys the verifiers of names that nobody has.
    case unknownUser = "unknown-user"
    /// Keys the hash of rewritten senders.
    case returnAddress = "return-address"
    /// Where the keys of TLS session tickets come from.
    case ticket
}

extension MailStore {
    /// At least 32 bytes, the same ones for the life of the data directory.
    package func secret(_ secret: ServerSecret) async throws(StoreFailure) -> [UInt8] {
        let found = try await read { db in
            try db.first("SELECT value FROM secret WHERE name = ?", .text(secret.rawValue)) { $0.blob(0) }
        }
        guard let found else { throw .nonExistent }
        return found
    }
}
