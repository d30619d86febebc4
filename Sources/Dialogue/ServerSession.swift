/// Dialogue: what every mail protocol's session has in common, and nothing about any one of them.
///
/// A session is a value. Bytes go in (`receive`), steps come out (`next`), questions that it cannot answer by itself
/// are asked and resumed (`ask`, `resume`). It owns no socket, no clock, no database and no log, so a test can play it
/// byte by byte. Invariants that every session keeps:
///  - `receive` decides nothing; `next` is the only place that does.
///  - the memory that it holds stays within its protocol's `Limits`, whatever arrives.
///  - after `.close` it says nothing more.
package protocol ServerSession: ~Copyable, SendableMetatype {
    associatedtype Question: Sendable
    associatedtype Answer: Sendable

    /// Keeps bytes from the peer. Called again only after `next` has said `.needInput`, with at most
    /// `maximumReceive` bytes at once.
    mutating func receive(_ bytes: Span<UInt8>)

    /// The peer will send nothing more. What was received before is still worked off.
    mutating func receiveEnd()

    /// Decides what happens now. The driver calls it until it says `.needInput` or `.close`.
    mutating func next() -> Step<Question>

    /// Gives the answer to the one open question. An answer of the wrong kind is treated as `failure`.
    mutating func resume(_ answer: Answer)

    /// Something outside changed that the session may want to tell its peer (new mail). It carries nothing: the session
    /// asks what changed, if it may speak at all. Ignored where it means nothing.
    mutating func wake()

    /// The handshake that `.startTLS` asked for is done. The session forgets what it holds of the peer's bytes: they came in the clear
    /// (RFC 3207 §4.2, RFC 2595 §4, RFC 3501 §6.2.1). What it learnt from the peer before, it forgets as its protocol says.
    mutating func secured(_ tls: TLSFacts)

    /// The patience of the last `.needInput` ran out. `next` says the farewell, then `.close`.
    mutating func expire()

    /// The server is going down. `next` says the farewell as soon as the protocol allows, then `.close`.
    mutating func shutDown()

    /// The answer that stands for "what nobody expected happened": 451, NO or -ERR.
    static var failure: Answer { get }
}

extension ServerSession where Self: ~Copyable {
    package mutating func wake() {}

    /// For a session that never says `.startTLS`.
    package mutating func secured(_ tls: TLSFacts) {}

    /// Bytes a driver may hand over in one `receive`: 64 KiB.
    package static var maximumReceive: Int { 65_536 }
}

/// What a session wants done now.
package enum Step<Question: Sendable>: Sendable {
    /// Bytes for the peer. Replies that follow one another leave in one write, before the session waits.
    case reply([UInt8])
    /// A question for the outside. `resume` must follow before `next` is called again.
    case ask(Question)
    /// A piece of an incoming message (at most `maximumReceive` bytes), to be appended to the spool that a question opened.
    case body([UInt8])
    /// The session has no whole command. Wait for bytes, at most so long.
    case needInput(Patience)
    /// Send what is pending, forget every byte that the peer sent in the clear, and do the TLS handshake. `secured` follows, or the end
    /// of the connection: a handshake that fails leaves nothing to talk over.
    case startTLS
    /// Send what is pending, then close the connection.
    case close
}

extension Step: Equatable where Question: Equatable {}

/// How long a session is willing to wait for bytes.
package struct Patience: Equatable, Sendable {
    /// The wait ends after this time.
    package var duration: Duration
    /// Whether any arriving byte starts the time anew (bodies), or only a whole command does (command lines, so that a
    /// peer that trickles a byte a minute is not served for ever).
    package var isRenewedByBytes: Bool

    package init(_ duration: Duration, isRenewedByBytes: Bool = false) {
        self.duration = duration
        self.isRenewedByBytes = isRenewedByBytes
    }
}
