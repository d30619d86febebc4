package import Dialogue
package import Mail

/// What an IMAP session cannot decide by itself. Every answer may also be `.refused`.
package enum Question: Sendable {
    /// LOGIN. Answer: `.accepted`.
    case login(user: String, password: Secret)
    /// AUTHENTICATE. Answer: `.authentication`; after `.succeeded` the responder knows whose mailboxes are asked for.
    case authenticate(AuthenticationMove)

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
    case authentication(AuthenticationOutcome)
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
