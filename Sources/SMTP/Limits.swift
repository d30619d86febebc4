/// What a session puts up with. Sizes in octets.
///
/// There is no limit for a line of the content: RFC 5321 §4.5.3.1.6 says 1000, senders exceed it, everybody takes it, and no line
/// is ever held here.
package struct Limits: Sendable, Equatable {
    /// RFC 5321 §4.5.3.1.4 says 512 with CRLF, RFC 6531 §3.4 adds 10, RFC 1870 §3 adds 26, RFC 3461 §5 adds 112 to MAIL and 512
    /// to RCPT, RFC 4954 §3 500 to MAIL; paths of RFC 6531 grow with UTF-8. 2048 as Postfix has it, and 1024 more for such paths.
    package var commandLine = 3072
    /// A line of the client's in a SASL exchange, with CRLF (RFC 4954 §4: 12288 suffice for all mechanisms).
    package var authenticationLine = 12_288
    /// Logins that fail in one connection, before the session closes (RFC 4954 §4 leaves the number to the server).
    package var failedLogins = 5
    /// Octets of a line that is too long which are thrown away in the hope of its end; then the session closes.
    package var discardedLine = 65_536
    /// RFC 5321 §4.5.3.1.8: at least 100 recipients. 1000 as Postfix has it.
    package var recipients = 1000
    /// Transactions in one connection (RFC 9422 §4.1). RFC 5321 knows no such limit.
    package var transactions = 10_000
    /// Refusals that are the session's own before it gives up (RFC 5321 §4.3.2 allows 421 at any time). As Postfix has it.
    package var errors = 20
    /// Senders and recipients that the outside refused for good since the last message that was accepted: someone is guessing
    /// addresses.
    package var refusals = 100
    /// Commands that bring no message nearer (NOOP, RSET, VRFY…, RCPT beyond the limit, BDAT without octets) since the last message
    /// that was accepted.
    package var idleCommands = 100
    /// Refusals that are told to the trace in one session.
    package var notes = 100
    /// A message of more than this many times the allowed size is not read to its end: the session closes.
    package var drainFactor = 10

    // RFC 5321 §4.5.3.2.7: a server waits at least 5 minutes for the next command.
    package var commandTimeout: Duration = .seconds(300)
    // RFC 5321 §4.5.3.2.5 gives the client 3 minutes for each block. A server is not more impatient than for a command.
    package var blockTimeout: Duration = .seconds(300)
    /// CRLF, dot, CR have come, and LF has not: a peer that thinks this is an end waits for us.
    package var halfEndTimeout: Duration = .seconds(30)

    package init() {}
}
