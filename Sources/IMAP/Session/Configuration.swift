/// What an IMAP session is told about the server that it speaks for.
package struct Configuration: Sendable {
    /// Named in the greeting.
    package var hostname: String
    package var limits: Limits
    /// Capabilities that are not announced (in capitals). Their commands work nevertheless.
    package var hiddenCapabilities: Set<String>
    /// Whether passwords may travel unencrypted from other machines.
    package var allowsPlaintextLogin: Bool

    package init(
        hostname: String, limits: Limits = Limits(), hiddenCapabilities: Set<String> = [], allowsPlaintextLogin: Bool = false
    ) {
        self.hostname = hostname
        self.limits = limits
        self.hiddenCapabilities = hiddenCapabilities
        self.allowsPlaintextLogin = allowsPlaintextLogin
    }
}
