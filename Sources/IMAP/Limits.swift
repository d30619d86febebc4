/// What an IMAP session tolerates. Sizes are bytes unless said otherwise.
package struct Limits: Sendable, Equatable {
    /// One command, its literals included, before login. RFC 2971 §3.3: 30 pairs of 30 and 1,024 bytes must fit.
    package var unauthenticatedCommand = 65_536
    /// One command, its literals included (APPEND's message not counted). RFC 9051 §4.1 leaves it open; RFC 2683 §3.2.1.5 asks for 8,000.
    package var command = 262_144
    /// A line of the client's in a SASL exchange (RFC 3501 §6.2.2 names no limit; RFC 4954 §4: 12288 suffice for all mechanisms).
    package var authenticationLine = 12_288
    /// One literal that is not a message.
    package var literal = 65_536
    /// RFC 7888 §4: a non-synchronising literal that nobody wants is read and forgotten up to here; beyond, the session ends.
    package var drainedLiteral = 104_857_600
    /// Wrong commands before login, and since the last right one after it, until the session ends.
    package var badCommands = 20
    /// Refused logins until the session ends.
    package var loginFailures = 10
    /// RFC 3501 §6.4.4: parentheses, NOT and OR within one another in SEARCH.
    package var searchNesting = 50
    /// Keys in one SEARCH.
    package var searchKeys = 1_000
    /// BODY and TEXT keys in one SEARCH: each is a pass over the decoded message.
    package var searchBodies = 32
    /// Keys in one SEARCH that look into a header field (HEADER, SUBJECT, FROM, TO, CC, BCC).
    package var searchFields = 128
    /// Keys in one SEARCH that name messages by number or UID: in a mailbox full of gaps each costs milliseconds and megabytes.
    package var searchSets = 16
    /// Items in one FETCH.
    package var fetchItems = 250
    /// Names of header fields in one FETCH, in all its items.
    package var fetchHeaderNames = 500
    /// Bytes of headers and structures that are looked at between two steps, give or take one item.
    package var stepEffort = 262_144
    /// Bytes of one header that HEADER.FIELDS looks at (what `Mail` reads of a header).
    package var header = 1_048_576
    /// Bytes of one `.reply` step.
    package var reply = 65_536
    /// Rows that are marked \Seen in one go before their bodies are sent: what a torn connection may mark unread.
    package var seenPage = 16
    /// UIDs that one STORE, COPY or MOVE question names at most. MOVE and COPY are atomic (RFC 3501 §6.4.7) and not cut.
    package var storePage = 10_000
    /// RFC 3501 §5.4: at least 30 minutes. IDLE as well (RFC 2177 §3 has clients renew it every 29).
    package var autologout = Duration.seconds(1_800)
    /// The same before login: no RFC asks for patience with strangers.
    package var unauthenticatedPatience = Duration.seconds(180)
    /// Between two pieces of a literal.
    package var literalPatience = Duration.seconds(300)

    package init() {}
}
