import Dialogue
import Mail
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

    /// By way of a smarthost. Who the host is the administrator has said; where he leaves open how it proves that, its own policies decide: RFC
    /// 7672 §2.2.2 and RFC 8461 §3.4, by the smarthost's name.
    init(
        _ host: Routing.Host, _ message: QueuedMessage, through smarthost: Smarthost, _ context: OutboundContext
    ) async throws(Setback) {
        peer = Peer(domain: host.name, host: host.name, port: smarthost.port, path: host.path, addresses: host.security)
        if !smarthost.user.isEmpty { login = SendingLogin(user: smarthost.user, password: Secret(smarthost.password)) }
        switch smarthost.tls {
        case .never: tls = .never
        // Who stands in the way and hides the offer must not get the password.
        case .offered: tls = login == nil ? .whenOffered : .required
        case .required: tls = .required
        case .verified:
            tls = .required
            proof = .certificate(names: [host.name])
        // RFC 8314 §3.3
        case .implicit:
            tls = .implicit
            proof = .certificate(names: [host.name])
        }
        if smarthost.tls == .offered || smarthost.tls == .required, IPAddress(host.name) == nil { try await heedPolicies(context) }
        // RFC 8689 §4.2.1.
        if message.insistsOnTLS, tls != .implicit { insist() }
    }

    init(_ host: Routing.Host, _ message: QueuedMessage, _ context: OutboundContext) async throws(Setback) {
        peer = Peer(domain: message.domain, host: host.name, port: context.routing.port, path: host.path, addresses: host.security)
        let setting = context.store.value(.outboundTLS)
        tls = setting == "never" ? .never : setting == "required" ? .required : .whenOffered
        guard setting != "never" || message.insistsOnTLS else { return }
        try await heedPolicies(context)
        guard message.insistsOnTLS else { return }
        guard isHostProven else { throw Setback(isPermanent: true, "5.7.10", host: peer.host, reason: "send.host-unproven") }
        insist()
    }

    private mutating func heedPolicies(_ context: OutboundContext) async throws(Setback) {
        requirement = await context.security.requirement(for: peer)
        switch requirement {
        case .opportunistic: break
        case .tested: proof = .wished(names: [peer.host])
        case .required(let proof):
            tls = .required
            self.proof = proof
        case .avoid(let reason, let detail): throw Setback("4.7.5", host: peer.host, detail: detail, reason: reason.stored)
        }
    }

    /// RFC 8689 §4.2.1: a host that MX records name needs DNSSEC, or a policy that names it. Without MX records the domain is its own host.
    private var isHostProven: Bool {
        switch (requirement, peer.path) {
        case (.required(.dane), _), (.required(.certificate), _), (.tested(isListed: true), _): true
        case (_, .itself): true
        case (_, .exchange(_, _, let isSecure)): isSecure
        }
    }

    /// RFC 8689 §4.2.1: encrypted, with the host's own certificate.
    private mutating func insist() {
        tls = .required
        if case .dane = proof { return }
        proof = .certificate(names: [peer.host])
    }
}

extension QueuedMessage {
    /// RFC 8689 §5: a report is protected where the next host can, and not lost where it can't.
    var insistsOnTLS: Bool { requiresTLS && !sender.isEmpty }
}
