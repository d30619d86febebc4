/// Why a test client gave up, with the conversation up to that point so a failing test explains itself.
package struct ClientError: Error, Sendable, CustomStringConvertible {
    package enum Reason: Sendable, Equatable {
        /// The address did not resolve or nobody accepts; the system's words.
        case unreachable(String)
        /// The peer said nothing, or took nothing, for the connection's time-out.
        case timedOut
        /// The peer closed in the middle of what was being read or written.
        case closed
        /// A line or literal beyond `LineConnection.Limits`.
        case tooLong
        /// Something that the protocol's grammar does not allow here.
        case malformed(String)
        /// A well-formed reply that refuses what the test needed.
        case refused(String)
    }

    package let reason: Reason
    /// What both sides said, a line each, `C: ` and `S: `; the newest part when it was long.
    package let transcript: String

    package init(_ reason: Reason, transcript: String) {
        self.reason = reason
        self.transcript = transcript
    }

    package var description: String { "\(reason)\n\(transcript)" }
}
