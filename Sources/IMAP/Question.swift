package import Dialogue
package import Mail

/// What an IMAP session cannot decide by itself. Every answer may also be `.refused`.
package enum Question: Sendable {
    /// LOGIN, AUTHENTICATE PLAIN. Answer: `.accepted`.
    case login(user: String, password: Secret)

    // MARK: Mailboxes. Names are decoded (no modified UTF-7), levels separated by `/`, INBOX in capitals.

    /// All mailboxes and subscribed names of the user, by name. Answer: `.mailboxes`.
    case mailboxes
    case create(String)
    case delete(String)
    case rename(from: String, to: String)
    case setSubscribed(String, Bool)
    /// Answer: `.status`.
    case status(String)
    /// SELECT, EXAMINE. Opening with `readOnly == false` claims the recent messages. Answer: `.selected`.
    case select(String, readOnly: Bool)
    /// What happened in the selected mailbox after a modification sequence. Answer: `.changes`.
    case changes(MailboxID, since: ModSeq)
    /// The session selects another mailbox, closes or ends: no more wakes for this one. Answer: `.accepted`.
    case deselect(MailboxID)

    // MARK: Messages

    /// Rows of messages that exist, ascending, at most 256 at once: the session asks again for what lies behind the last
    /// one. Answer: `.messages`; an empty one when none of the set exists.
    case messages(MailboxID, UIDSet, Fields)
    /// Bytes `range` of a message's concatenation. At most 64 KiB at once. Answer: `.bytes`.
    case read(BodyReference, Range<Int>)
    /// The members of the set that the program matches. Evaluated outside of the session, on a thread pool, by
    /// `SearchProgram.matches`. Answer: `.uids`.
    case search(MailboxID, UIDSet, SearchProgram)
    /// Answer: `.stored`, one change for each message that exists (whether or not its flags differ now).
    case store(MailboxID, UIDSet, FlagOperation, Flags)
    /// COPY, or MOVE. Answer: `.copied`.
    case copy(MailboxID, UIDSet, to: String, isMove: Bool)
    /// Removes those messages of the set (nil: all) that are flagged \Deleted. Answer: `.expunged`.
    case expunge(MailboxID, UIDSet?)

    /// APPEND before its literal: does the mailbox exist, is there room for `size` bytes? Opens a spool. Answer: `.accepted`.
    case openAppend(mailbox: String, size: Int)
    /// The literal is whole, in the spool. Answer: `.appended`.
    case append(mailbox: String, Flags, InternalDate?)
    /// APPEND is given up: drop the spool. Answer: `.accepted`.
    case discardAppend
}

package enum Answer: Sendable {
    case accepted
    case refused(Refusal)
    case mailboxes([MailboxEntry])
    case status(MailboxStatus)
    case selected(Selected)
    case changes(Changes)
    case messages([MessageRow])
    case bytes([UInt8])
    case uids(UIDSet)
    case stored([FlagChange], ModSeq)
    case copied(Copied)
    case expunged(UIDSet, ModSeq)
    case appended(uidValidity: UInt32, uid: UID)
}

/// NO, with its response code.
package struct Refusal: Sendable, Equatable {
    /// Without brackets: `TRYCREATE`, `OVERQUOTA`, `AUTHENTICATIONFAILED`, `NONEXISTENT`, `ALREADYEXISTS`, `CANNOT`, `UNAVAILABLE`… (RFC 5530).
    package var code: String?
    package var text: String

    package init(code: String? = nil, _ text: String) {
        self.code = code
        self.text = text
    }
}

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
    package var messages: Int
    package var recent: Int
    package var uidNext: UID
    package var uidValidity: UInt32
    package var unseen: Int
    package var highestModSeq: ModSeq
    /// Bytes (RFC 8438).
    package var size: Int

    package init(messages: Int, recent: Int, uidNext: UID, uidValidity: UInt32, unseen: Int, highestModSeq: ModSeq, size: Int) {
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
    /// ENVELOPE as it goes on the wire, parentheses included (`Mail.MessageSummary.envelope`). Empty unless asked for.
    package var envelope: [UInt8]
    /// `Mail.MessageStructure` in its stored form. Empty unless asked for.
    package var structure: [UInt8]
    package var body: BodyReference

    package init(
        uid: UID, modSeq: ModSeq, flags: Flags, internalDate: InternalDate, size: Int, envelope: [UInt8], structure: [UInt8],
        body: BodyReference
    ) {
        self.uid = uid
        self.modSeq = modSeq
        self.flags = flags
        self.internalDate = internalDate
        self.size = size
        self.envelope = envelope
        self.structure = structure
        self.body = body
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
