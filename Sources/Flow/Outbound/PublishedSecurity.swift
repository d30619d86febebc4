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
                let words = String(reason.prefix(300))
                return .avoid(Reason("trace.tlsa-unknown", ["host": peer.host, "reason": words]), detail: words)
            }
        }
        // RFC 8461 §3.4: an address has no policy.
        guard switches.sts, !peer.domain.hasPrefix("[") else { return .opportunistic }
        let policy = await policies.policy(for: peer.domain)
        if let failure = policy.failure {
            await results.note(domain: peer.domain, policyType: .sts, policy: policy.lines, mx: peer.host, failure)
        }
        let isListed = policy.names(peer.host)
        switch policy.rule {
        case .none: return .opportunistic
        case .testing: return .tested(isListed: isListed)
        case .enforce:
            // RFC 8461 §4.1, §5.
            if isListed { return .required(.certificate(names: [peer.host])) }
            await results.note(
                domain: peer.domain, policyType: .sts, policy: policy.lines, mx: peer.host, .validationFailure, detail: Self.unlisted)
            return .avoid(Reason("trace.sts-host", ["host": peer.host, "domain": peer.domain]), detail: Self.unlisted)
        }
    }

    /// RFC 8460 §4.3.3: a failure without a name of its own.
    private static let unlisted = "the policy does not name this host"

    private func dane(of peer: Peer) async -> DANE {
        // RFC 7672 §2.2.1: asking more of hosts that nobody vouches for gains nothing.
        guard peer.path.isSecure else { return .absent }
        return await DANE.find(host: peer.host, port: peer.port, path: peer.path, addresses: peer.addresses, resolver: resolver)
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
        case .tested(isListed: false):
            let policy = await policies.policy(for: peer.domain)
            await results.note(
                domain: peer.domain, policyType: .sts, policy: policy.lines, mx: peer.host, type ?? .validationFailure,
                detail: type == nil ? Self.unlisted : detail)
        case .tested, .required(.certificate), .required(.wished):
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
