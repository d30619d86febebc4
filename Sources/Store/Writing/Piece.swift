import GRDB

/// What a piece of work leaves behind in its batch.
struct Effects {
    /// The body that was appended for this piece.
    var body: (id: Int64, place: Place)?
    /// The body of its companion.
    var companion: (id: Int64, place: Place)?
    /// Mailboxes whose sessions are to be woken after the commit.
    var touched: [Int64] = []
    /// Bytes of segments that became live.
    var live: [Int: Int] = [:]
    /// Whether another piece of the same batch may remove its body: an entry of the quarantine that makes room.
    var mayBeRemoved = false
}

/// A body that goes with another's.
struct Companion: Sendable {
    var spool: Spool
    /// Where it goes. Reads only.
    var routes: @Sendable (Database) throws -> [Route]
}

/// One thing to be done by the writer.
struct Piece: Sendable {
    /// Appended to the newest segment before the transaction begins.
    var spool: Spool?
    /// Before the body is appended: refuse, or say where it goes. Reads only.
    var prepare: (@Sendable (Database) throws -> [Route])?
    /// A second body that is appended with the first one.
    var companion: Companion?
    /// Inside the transaction, in a savepoint of its own. May run without having an effect: the batch may still fail.
    var work: @Sendable (Database, inout Effects) throws -> Void
    /// After the commit, or with the reason why there was none.
    var done: @Sendable (StoreFailure?) -> Void
}
