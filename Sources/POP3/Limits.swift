/// What a session puts up with. Sizes in octets.
package struct Limits: Sendable, Equatable {
    /// RFC 2449 §4: 255 octets with CRLF. Pass phrases and internationalised names need more.
    package var commandLine = 1024
    /// A line of the client's in a SASL exchange (RFC 5034 §4 leaves it to the mechanisms; RFC 4954 §4: 12288 suffice for all).
    package var authenticationLine = 12_288
    /// Lines that are no command, before the session closes.
    package var errors = 20
    /// Logins that fail, for whatever reason, in one connection.
    package var failedLogins = 5
    /// Octets asked for at once (`Question.read`).
    package var read = 65_536
    /// Octets asked for at once by TOP: most of them are behind a header.
    package var topRead = 16_384
    // RFC 1939 §3: an autologout timer of at least 10 minutes.
    package var inactivity: Duration = .seconds(600)

    package init() {}
}
