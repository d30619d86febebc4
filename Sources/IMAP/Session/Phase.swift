import Dialogue
import Mail

/// What a session is about. Taken out, worked on, put back: nothing in it is copied.
enum Phase {
    case greeting
    /// Waits for a command, or for the literals of one.
    case command
    /// A question to be put.
    case asking(Question, Continuation)
    /// The question is open.
    case waiting(Continuation)
    case answered(Continuation, Answer)
    case authenticating(tag: [UInt8])
    /// STARTTLS was answered: the handshake follows what is still to be said.
    case startingTLS
    /// `.startTLS` was said, `secured` has not come. What arrives is nobody's.
    case handshake
    case idling(tag: [UInt8])
    case appending(Append)
    case fetching(Fetch)
    case storing(Store)
    case listing(Listing)
    case listingResults(SearchResults)
    case telling(Telling)
    /// Between taking a phase out and putting the next one in.
    case deciding
    /// Questions that must be asked before the end, then `.close`.
    case leaving
    case closed
}

/// What becomes of an answer.
enum Continuation {
    case login(tag: [UInt8])
    case authentication(tag: [UInt8])
    /// A question whose `.accepted` completes the command.
    case simple(Completion)
    case deselected(then: AfterDeselect)
    case selected(tag: [UInt8], readOnly: Bool)
    case mailboxes(ListArguments, Completion)
    case status(MailboxName, [StatusItem], Completion)
    case changes(Completion)
    case idleChanges(tag: [UInt8])
    case rows(Fetch)
    case seen(Fetch)
    case bytes(Fetch)
    case searched(isUID: Bool, Completion)
    case stored(Store)
    case copied(isMove: Bool, Completion)
    case expunged(Completion)
    case closingExpunged(Completion)
    case appendOpened(Append)
    case appended(Completion)
    case discarded(AfterDiscard)
    case left
    /// The answer is of no interest.
    case cancelled
}

/// What follows when no mailbox is selected any more.
enum AfterDeselect {
    case select(tag: [UInt8], MailboxName, readOnly: Bool)
    case complete(Completion)
}

/// What follows when the message of an APPEND has been dropped.
enum AfterDiscard {
    case bad(tag: [UInt8], String)
    case leave
}

/// The tagged reply that ends a command, and what may be told before it.
struct Completion {
    var tag: [UInt8]
    /// Behind the tag: `OK [CODE x] Text`.
    var status: [UInt8]
    /// RFC 3501 §7.4.1.
    var mayTellExpunges: Bool
    /// The command deletes mailboxes: when it was the selected one, that is no reason to hang up.
    var mayDeleteSelected = false

    init(tag: [UInt8], _ status: String, mayTellExpunges: Bool = true) {
        self.tag = tag
        self.status = Array(status.utf8)
        self.mayTellExpunges = mayTellExpunges
    }
}

/// Changes that are being told to the peer, piece by piece.
struct Telling {
    enum Purpose {
        case complete(Completion)
        case idle(tag: [UInt8])
    }

    var expunges: ExpungeNumbers
    /// EXISTS is said when it is set.
    var exists: Int?
    var flagged: [FlagChange]
    var next = 0
    var purpose: Purpose
}
