package import Dialogue

/// What an IMAP session is told about the server that it speaks for.
package struct Configuration: Sendable {
    /// Named in the greeting.
    package var hostname: String
    package var limits: Limits
    /// Capabilities that are not announced (in capitals). Their commands work nevertheless.
    package var hiddenCapabilities: Set<String>
    /// Whether passwords may travel unencrypted from other machines.
    package var allowsPlaintextLogin: Bool
    /// RFC 3501 §6.2.1: whether STARTTLS is offered to a connection in the clear.
    package var offersTLS: Bool
    package var authentication: AuthenticationOffer
    /// RFC 7889: the largest message that APPEND takes, in bytes. Larger ones get NO [TOOBIG].
    package var maximumMessageSize: Int

    package init(
        hostname: String, limits: Limits = Limits(), hiddenCapabilities: Set<String> = [], allowsPlaintextLogin: Bool = false,
        maximumMessageSize: Int = 52_428_800, offersTLS: Bool = false, authentication: AuthenticationOffer = .none
    ) {
        self.hostname = hostname
        self.limits = limits
        self.hiddenCapabilities = hiddenCapabilities
        self.allowsPlaintextLogin = allowsPlaintextLogin
        self.maximumMessageSize = maximumMessageSize
        self.offersTLS = offersTLS
        self.authentication = authentication
    }
}
