package import Mail

/// A mailbox's identity: the same after a rename.
package struct MailboxID: Hashable, Sendable {
    package var rawValue: Int64
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
}

/// A user's identity: the same after a rename.
package struct UserID: Hashable, Sendable {
    package var rawValue: Int64
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
}

package struct MailboxEntry: Sendable, Equatable {
    package var name: String
    /// False for a name that is only subscribed, or a level above that was never created.
    package var exists: Bool
    package var isSubscribed: Bool
    /// RFC 6154, with the backslash: `\Sent`.
    package var specialUse: String?
    /// Messages came since it was last selected.
    package var isMarked: Bool
}

package struct MailboxStatus: Sendable, Equatable {
    package var id: MailboxID
    package var messages: Int
    package var recent: Int
    package var uidNext: UID
    package var uidValidity: UInt32
    package var unseen: Int
    package var highestModSeq: ModSeq
    /// Bytes (RFC 8438).
    package var size: Int
}

package struct Selected: Sendable, Equatable {
    package var id: MailboxID
    package var uidValidity: UInt32
    package var uidNext: UID
    package var highestModSeq: ModSeq
    package var uids: UIDSet
    /// Messages from this UID on are recent for this session; nil when none is.
    package var recentFrom: UID?
    package var firstUnseen: UID?
    /// Keywords in use in the mailbox.
    package var keywords: [String]
}

package struct Changes: Sendable, Equatable {
    package var highestModSeq: ModSeq
    package var uidNext: UID
    /// Gone since then.
    package var expunged: UIDSet
    /// Came since then, ascending, still there.
    package var arrived: UIDSet
    /// Flags changed since then, on messages that were there before. Ascending.
    package var flagged: [FlagChange]
    /// Arrived messages from this UID on are recent for this session; nil when none is.
    package var recentFrom: UID?
    /// The mailbox was deleted.
    package var isGone: Bool
}

package struct FlagChange: Sendable, Equatable {
    package var uid: UID
    package var flags: Flags
    package var modSeq: ModSeq
}

/// Which columns a row must carry: what is not asked for is not read.
package struct Fields: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let flags = Fields(rawValue: 1)
    package static let internalDate = Fields(rawValue: 2)
    package static let size = Fields(rawValue: 4)
    package static let envelope = Fields(rawValue: 8)
    /// The MIME tree: BODY, BODYSTRUCTURE, and section look-ups.
    package static let structure = Fields(rawValue: 16)
    /// What is needed to read bytes.
    package static let body = Fields(rawValue: 32)
}

package struct MessageRow: Sendable, Equatable {
    package var uid: UID
    package var modSeq: ModSeq
    package var flags: Flags
    package var internalDate: InternalDate
    package var size: Int
    /// Empty unless asked for.
    package var envelope: [UInt8]
    /// Empty unless asked for.
    package var structure: [UInt8]
    /// Its `prefix` is empty unless `.body` was asked for.
    package var body: BodyReference
}

package struct Copied: Sendable, Equatable {
    /// RFC 4315 COPYUID: `sources` and `destinations` pair up in order.
    package var uidValidity: UInt32
    package var sources: UIDSet
    package var destinations: UIDSet
    /// For MOVE: the source mailbox's new highest modification sequence.
    package var sourceModSeq: ModSeq
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
