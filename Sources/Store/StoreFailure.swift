/// Why the store said no. `code` is stable; whoever talks to people finds the words for it.
package enum StoreFailure: Error, Sendable, Equatable {
    // MARK: Opening
    /// No data directory there, and none was to be created.
    case absent
    case notADirectory
    /// Files of something else are in it.
    case foreignDirectory
    case otherOwner(uid: UInt32)
    /// It was written by a newer version of the program.
    case newerSchema(found: Int, known: Int)
    /// Another server holds it.
    case directoryInUse

    // MARK: Writing
    case diskFull
    /// Reading or writing failed. The text is for the log.
    case ioError(String)
    /// Something went wrong with the disk; until a new segment and the database prove writable, nothing is taken in.
    case unavailable
    /// Another process holds the database for longer than the time-out.
    case busy
    case closed

    // MARK: What was asked for
    case overQuota
    case nonExistent
    case alreadyExists
    /// A maildrop that another session has open, a domain that still has users.
    case inUse
    case unknownDomain
    /// The text says what is wrong with it, for the log.
    case invalid(String)
    /// INBOX can't be deleted, a mailbox can't be its own child.
    case notAllowed
    case limit(String)
    /// There is no room for what must be held back; `isForNow`: it is to be tried again.
    case quarantineFull(isForNow: Bool)

    package var code: String {
        switch self {
        case .absent: "absent"
        case .notADirectory: "not-a-directory"
        case .foreignDirectory: "foreign-directory"
        case .otherOwner: "other-owner"
        case .newerSchema: "newer-schema"
        case .directoryInUse: "directory-in-use"
        case .diskFull: "disk-full"
        case .ioError: "io-error"
        case .unavailable: "unavailable"
        case .busy: "busy"
        case .closed: "closed"
        case .overQuota: "over-quota"
        case .nonExistent: "non-existent"
        case .alreadyExists: "already-exists"
        case .inUse: "in-use"
        case .unknownDomain: "unknown-domain"
        case .invalid: "invalid"
        case .notAllowed: "not-allowed"
        case .limit: "limit"
        case .quarantineFull: "quarantine-full"
        }
    }

    /// The same request may succeed later.
    package var isTemporary: Bool {
        switch self {
        case .diskFull, .ioError, .unavailable, .busy, .closed, .overQuota, .inUse, .directoryInUse: true
        case .quarantineFull(let isForNow): isForNow
        default: false
        }
    }
}
