package import Dialogue
package import Mail

/// What a POP3 session cannot decide by itself.
package enum Question: Sendable {
    /// USER and PASS: check them, take the exclusive lock, list the maildrop. Answers: `.opened`, `.refused`.
    case open(user: String, password: Secret)
    /// AUTH (RFC 5034). Answers: `.authentication` until it has succeeded; then the session asks `.enter`.
    case authenticate(AuthenticationMove)
    /// The login of a SASL exchange that succeeded: take the exclusive lock, list the maildrop. Answers: `.opened`, `.refused`.
    case enter(login: String)
    /// Bytes `range` of a message's concatenation (prefix and original). At most 64 KiB at once. Answers: `.bytes`, `.refused`.
    case read(BodyReference, Range<Int>)
    /// QUIT in the transaction state: expunge these (ascending), durably, then release the lock. Answers: `.accepted`, `.refused`.
    case update(delete: [UID])
    /// The session ends without QUIT: release the lock, delete nothing. Answer: `.accepted`.
    case release
}

package enum Answer: Sendable {
    case accepted
    case opened([MaildropMessage])
    case bytes([UInt8])
    case authentication(AuthenticationOutcome)
    case refused(Refusal)
}

/// Why the outside said no. `inUse` and so on become the response codes of RFC 2449 §8 and RFC 3206.
package enum Refusal: Sendable, Equatable {
    /// Wrong name or password, not told which: `[AUTH]`.
    case authentication
    /// Too many wrong passwords of late: `[SYS/TEMP]`.
    case throttled
    /// The maildrop is locked by another session: `[IN-USE]`.
    case inUse
    /// RFC 3206 `[SYS/TEMP]`.
    case temporary
    /// RFC 3206 `[SYS/PERM]`.
    case permanent
}

package struct MaildropMessage: Sendable, Equatable {
    package var uid: UID
    /// RFC 1939 §7: 1 to 70 characters 0x21 to 0x7E, the same for ever.
    package var uniqueID: String
    package var body: BodyReference

    package init(uid: UID, uniqueID: String, body: BodyReference) {
        self.uid = uid
        self.uniqueID = uniqueID
        self.body = body
    }
}
