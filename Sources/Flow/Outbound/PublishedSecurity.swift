package import Resolution
package import SMTP
import Store

/// What other domains publish about the encryption of their mail: DANE (RFC 7672), and where there is none MTA-STS (RFC 8461 §2).
package struct PublishedSecurity: PeerSecurity {
    package struct Switches: Sendable {
        package var dane: Bool
        package var sts: Bool

        package init(dane: Bool, sts: Bool) {
            self.dane = dane
            self.sts = sts
        }
    }

    private let resolver: any Resolver
    private let policies: TransportPolicies
    private let results: TLSResults
    private let switches: @Sendable () -> Switches

    package init(
        resolver: any Resolver, policies: TransportPolicies, results: TLSResults, switches: @escaping @Sendable () -> Switches
    ) {
        self.resolver = resolver
        self.policies = policies
        self.results = results
        self.switches = switches
    }

    package func requirement(for peer: Peer) async -> PeerRequirement {
        let switches = switches()
        if switches.dane {
            switch await dane(of: peer) {
            case .absent: break
            case .usable(let records, let names): return .required(.dane(records, names: names))
            case .unusable: return .required(.nothing)
            case .unknown(let reason, let isBogus):
                await results.note(
                    domain: peer.domain, policyType: .tlsa, mx: peer.host, isBogus ? .dnssecInvalid : .tlsaInvalid, detail: reason)
                return .avoid(Reason("trace.tlsa-unknown", ["host": peer.host, "reason": reason]))
            }
        }
        guard switches.sts else { return .opportunistic }
        let policy = await policies.policy(for: peer.domain)
        if let failure = policy.failure {
            await results.note(domain: peer.domain, policyType: .sts, policy: policy.lines, mx: peer.host, failure)
        }
        if !policy.names(peer.host) {
            await results.note(
                domain: peer.domain, policyType: .sts, policy: policy.lines, mx: peer.host, .validationFailure,
                detail: "the policy does not name this host")
        }
        guard case .enforce = policy.rule else { return .opportunistic }
        // RFC 8461 §4.1, §5.
        return policy.allows(peer.host)
            ? .required(.certificate(names: [peer.host]))
            : .avoid(Reason("trace.sts-host", ["host": peer.host, "domain": peer.domain]))
    }

    private func dane(of peer: Peer) async -> DANE {
        // RFC 7672 §2.2.1: asking more of hosts that nobody vouches for gains nothing.
        guard peer.isRouteSecure else { return .absent }
        // Answered from the cache: the route was found by it.
        let alias = await resolver.lookUp(ARecord.self, peer.host).canonicalName
        return await DANE.find(
            host: peer.host, port: peer.port,
            path: peer.host == peer.domain
                ? .itself(isSecure: true) : .exchange(domain: peer.domain, canonical: peer.domain, isSecure: true),
            addresses: DANE.Addresses(isSecure: peer.isAddressSecure, canonicalName: alias), resolver: resolver)
    }

    package func note(_ peer: Peer, _ requirement: PeerRequirement, _ failure: SendingFailure?) async {
        let type: TLSResultType?
        switch failure?.kind {
        case nil: type = nil
        case .tlsUnavailable: type = .startTLSNotSupported
        case .tlsFailed: type = failure?.tlsResult.flatMap(TLSResultType.init) ?? .validationFailure
        // No matter of TLS.
        case .unreachable, .timedOut, .closed, .garbage, .refused: return
        }
        let detail = failure?.detail ?? ""
        switch requirement {
        case .required(.dane(let records, _)):
            await results.note(
                domain: peer.domain, policyType: .tlsa, policy: records.map(\.text), mx: peer.host, type, detail: detail)
        case .required(.nothing): await results.note(domain: peer.domain, policyType: .tlsa, mx: peer.host, type, detail: detail)
        case .required(.certificate):
            let policy = await policies.policy(for: peer.domain)
            await results.note(domain: peer.domain, policyType: .sts, policy: policy.lines, mx: peer.host, type, detail: detail)
        case .opportunistic: await results.note(domain: peer.domain, policyType: .none, mx: peer.host, type, detail: detail)
        case .avoid: break
        }
    }
}

extension TLSARecord {
    /// As a zone file has it.
    fileprivate var text: String {
        "\(usage) \(selector) \(matchingType) " + data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
