package import SMTP

/// What the policies of a destination (RFC 7672, RFC 8461) demand of one of its hosts.
package protocol PeerSecurity: Sendable {
    func requirement(for peer: Peer) async -> PeerRequirement
    /// What came of it, for reports (RFC 8460). `failure` nil: the handshake succeeded.
    func note(_ peer: Peer, _ requirement: PeerRequirement, _ failure: SendingFailure?) async
}

/// A host of a destination, before it is connected to.
package struct Peer: Sendable, Hashable {
    /// The recipients' domain, A-label.
    package var domain: String
    /// The host's name, A-label; of an address literal the address.
    package var host: String
    package var port: Int
    /// DNSSEC vouches for the way from the domain to the host's name.
    package var isRouteSecure: Bool
    /// DNSSEC vouches for the host's addresses.
    package var isAddressSecure: Bool

    package init(domain: String, host: String, port: Int, isRouteSecure: Bool, isAddressSecure: Bool) {
        self.domain = domain
        self.host = host
        self.port = port
        self.isRouteSecure = isRouteSecure
        self.isAddressSecure = isAddressSecure
    }
}

package enum PeerRequirement: Sendable, Equatable {
    /// Encrypted where the host offers it, whatever its certificate.
    case opportunistic
    /// Never in the clear. With `.nothing`: whatever the certificate (RFC 7672 §2.2: records of which none is usable).
    case required(Hop.Proof)
    /// This host is not to be used now. The reason is a key of the texts.
    case avoid(Reason)
}

/// Where no policy is looked for.
package struct NoPeerSecurity: PeerSecurity {
    package init() {}
    package func requirement(for peer: Peer) async -> PeerRequirement { .opportunistic }
    package func note(_ peer: Peer, _ requirement: PeerRequirement, _ failure: SendingFailure?) async {}
}
