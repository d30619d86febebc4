/// What becomes of a message for one recipient whose policy objects to it.
package enum Destiny: String, Sendable, CaseIterable {
    /// Delivered all the same.
    case pass
    /// Delivered into the mailbox with the special use \Junk.
    case junk
    /// Held back; the sender is told that it was accepted.
    case quarantine
    /// Not delivered; the sender is told that it was accepted.
    case discard
    /// Not delivered, and reported to a sender whose identity is known; to any other as `reject`.
    case bounce
    /// Refused while the sender waits.
    case reject
}

/// Why a policy may object to a message, gravest first: the order in which verdicts look for one that blocks.
package enum Category: String, Sendable, CaseIterable {
    case virus, banned
    /// The process died twice while it looked at this message.
    case poisoned
    /// Something in it goes beyond a limit of the checks: size, depth, number, time.
    case limit
    /// An archive or document that only its password opens.
    case encrypted
    /// An archive that nothing here opens.
    case unopened
    case spam
}
