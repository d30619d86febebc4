// What a mailbox is, and what happened in it, as its store tells and its sessions read.

/// The store's identity of a mailbox: the same after a rename.
package struct MailboxID: Hashable, Sendable {
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
    /// RFC 3501 §7.2.2 `\Marked`: messages came since it was last selected.
    package var isMarked: Bool

    package init(name: String, exists: Bool, isSubscribed: Bool, specialUse: String?, isMarked: Bool) {
        self.name = name
        self.exists = exists
        self.isSubscribed = isSubscribed
        self.specialUse = specialUse
        self.isMarked = isMarked
    }
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

    package init(
        id: MailboxID, messages: Int, recent: Int, uidNext: UID, uidValidity: UInt32, unseen: Int, highestModSeq: ModSeq, size: Int
    ) {
        self.id = id
        self.messages = messages
        self.recent = recent
        self.uidNext = uidNext
        self.uidValidity = uidValidity
        self.unseen = unseen
        self.highestModSeq = highestModSeq
        self.size = size
    }
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

    package init(
        id: MailboxID, uidValidity: UInt32, uidNext: UID, highestModSeq: ModSeq, uids: UIDSet, recentFrom: UID?, firstUnseen: UID?,
        keywords: [String]
    ) {
        self.id = id
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.highestModSeq = highestModSeq
        self.uids = uids
        self.recentFrom = recentFrom
        self.firstUnseen = firstUnseen
        self.keywords = keywords
    }
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
    /// Arrived messages from this UID on are recent for this session (claimed by it, when it is read-write); nil when none is.
    package var recentFrom: UID?
    /// The mailbox was deleted.
    package var isGone: Bool

    package init(
        highestModSeq: ModSeq, uidNext: UID, expunged: UIDSet = UIDSet(), arrived: UIDSet = UIDSet(), flagged: [FlagChange] = [],
        recentFrom: UID? = nil, isGone: Bool = false
    ) {
        self.highestModSeq = highestModSeq
        self.uidNext = uidNext
        self.expunged = expunged
        self.arrived = arrived
        self.flagged = flagged
        self.recentFrom = recentFrom
        self.isGone = isGone
    }
}

package struct FlagChange: Sendable, Equatable {
    package var uid: UID
    package var flags: Flags
    package var modSeq: ModSeq

    package init(uid: UID, flags: Flags, modSeq: ModSeq) {
        self.uid = uid
        self.flags = flags
        self.modSeq = modSeq
    }
}

package struct Copied: Sendable, Equatable {
    /// RFC 4315 COPYUID: `sources` and `destinations` pair up in order.
    package var uidValidity: UInt32
    package var sources: UIDSet
    package var destinations: UIDSet
    /// For MOVE: the source mailbox's new highest modification sequence.
    package var sourceModSeq: ModSeq

    package init(uidValidity: UInt32, sources: UIDSet, destinations: UIDSet, sourceModSeq: ModSeq) {
        self.uidValidity = uidValidity
        self.sources = sources
        self.destinations = destinations
        self.sourceModSeq = sourceModSeq
    }
}
