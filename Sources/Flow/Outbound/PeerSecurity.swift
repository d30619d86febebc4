package import Resolution
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
    /// How the domain led to the host, and the host to its addresses.
    package var path: DANE.Path
    package var addresses: DANE.Addresses

    package init(domain: String, host: String, port: Int, path: DANE.Path, addresses: DANE.Addresses) {
        self.domain = domain
        self.host = host
        self.port = port
        self.path = path
        self.addresses = addresses
    }
}

package enum PeerRequirement: Sendable, Equatable {
    /// Encrypted where the host offers it, whatever its certificate.
    case opportunistic
    /// As `.opportunistic`; what a policy of mode testing (RFC 8461 §5) would have refused is recorded. `isListed`: it names the host.
    case tested(isListed: Bool)
    /// Never in the clear. With `.nothing`: whatever the certificate (RFC 7672 §2.2: records of which none is usable).
    case required(PeerProof)
    /// This host is not to be used now. `detail`: in words, beside the reason.
    case avoid(Reason, detail: String)
}

/// Where no policy is looked for.
package struct NoPeerSecurity: PeerSecurity {
    package init() {}
    package func requirement(for peer: Peer) async -> PeerRequirement { .opportunistic }
    package func note(_ peer: Peer, _ requirement: PeerRequirement, _ failure: SendingFailure?) async {}
}
