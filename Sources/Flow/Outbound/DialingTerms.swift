import Dialogue
import Resolution
import SMTP
import Store

/// How one host of a destination is spoken to.
struct DialingTerms: Sendable {
    var peer: Peer
    var requirement = PeerRequirement.opportunistic
    var tls: SendingConfiguration.TLSUse
    var proof = PeerProof.nothing
    var login: SendingLogin?

    var mayFallBack: Bool { tls == .whenOffered }

    init(_ host: Routing.Host, _ message: QueuedMessage, through smarthost: Smarthost, port: Int) {
        peer = Peer(domain: message.domain, host: host.name, port: port, path: host.path, addresses: host.security)
        tls = .required
        switch smarthost.tls {
        case .never: tls = .never
        case .offered: tls = .whenOffered
        case .required: break
        case .verified: proof = .certificate(names: [host.name])
        // RFC 8314 §3.3
        case .implicit:
            tls = .implicit
            proof = .certificate(names: [host.name])
        }
        if !smarthost.user.isEmpty { login = SendingLogin(user: smarthost.user, password: Secret(smarthost.password)) }
        // RFC 8689 §4.2.1. Who the host is the administrator has said.
        if message.insistsOnTLS, tls != .implicit {
            tls = .required
            proof = .certificate(names: [host.name])
        }
    }

    init(_ host: Routing.Host, _ message: QueuedMessage, port: Int, _ context: OutboundContext) async throws(Setback) {
        peer = Peer(domain: message.domain, host: host.name, port: port, path: host.path, addresses: host.security)
        let setting = context.store.value(.outboundTLS)
        tls = setting == "never" ? .never : setting == "required" ? .required : .whenOffered
        guard setting != "never" || message.insistsOnTLS else { return }
        requirement = await context.security.requirement(for: peer)
        switch requirement {
        case .opportunistic: break
        case .tested: proof = .wished(names: [host.name])
        case .required(let proof):
            tls = .required
            self.proof = proof
        case .avoid(let reason, let detail): throw Setback("4.7.5", host: host.name, detail: detail, reason: reason.stored)
        }
        if message.insistsOnTLS { try insist() }
    }

    /// RFC 8689 §4.2.1: encrypted, with the host's own certificate, and the host's name is the domain's word.
    private mutating func insist() throws(Setback) {
        let isHosts: Bool =
            switch (requirement, peer.path) {
            case (.required(.dane), _), (.required(.certificate), _), (.tested(isListed: true), _): true
            // Without MX records the domain is its own host.
            case (_, .itself): true
            case (_, .exchange(_, _, let isSecure)): isSecure
            }
        guard isHosts else { throw Setback(isPermanent: true, "5.7.10", host: peer.host, reason: "send.host-unproven") }
        tls = .required
        if case .required(.dane) = requirement { return }
        proof = .certificate(names: [peer.host])
    }
}

extension QueuedMessage {
    /// RFC 8689 §5: a report is protected where the next host can, and not lost where it can't.
    var insistsOnTLS: Bool { requiresTLS && !sender.isEmpty }
}
