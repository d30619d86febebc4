import Mail

/// A user's identity: the same after a rename.
package struct UserID: Hashable, Sendable {
    package var rawValue: Int64
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
}

/// A message's key holds its mailbox above its UID.
func messageKey(_ mailbox: Int64, _ uid: UID) -> Int64 { mailbox << 32 | Int64(uid) }

/// Names as the store keeps them: INBOX in capitals (RFC 3501 §5.1), as the first level too.
func canonicalName(_ name: String) throws -> String {
    let levels = name.split(separator: "/", omittingEmptySubsequences: false)
    guard levels.allSatisfy({ !$0.isEmpty }), name.utf8.count <= 1_000, levels.count <= 50,
        !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
    else { throw StoreFailure.invalid("mailbox name") }
    guard let first = levels.first, folded(String(first)) == "inbox" else { return name }
    return (["INBOX"] + levels.dropFirst().map(String.init)).joined(separator: "/")
}
