package import Resolution
package import SMTP
package import Store
import Synchronization

/// What other domains publish about the encryption of their mail: DANE (RFC 7672), and where there is none MTA-STS (RFC 8461 §2).
package final class PublishedSecurity: PeerSecurity {
    package struct Switches: Sendable {
        package var dane: Bool
        package var sts: Bool

        package init(dane: Bool, sts: Bool) {
            self.dane = dane
            self.sts = sts
        }
    }

    /// Kinds of results that wait to be written.
    static let maximumPending = 1_024
    /// Seconds between two writes.
    static let interval: Int64 = 60

    private struct Pending {
        var results: [TLSResult: Int] = [:]
        var written: Int64 = 0
    }

    private let store: MailStore
    private let dane: DANE
    private let policies: STSPolicies
    private let switches: @Sendable () -> Switches
    /// Seconds since 1970.
    private let clock: @Sendable () -> Int64
    private let pending = Mutex(Pending())

    package init(
        _ store: MailStore, _ resolver: any Resolver, _ policies: STSPolicies, switches: @escaping @Sendable () -> Switches,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.store = store
        self.dane = DANE(resolver)
        self.policies = policies
        self.switches = switches
        self.clock = clock
    }

    package func requirement(for peer: Peer) async -> PeerRequirement {
        let switches = switches()
        if switches.dane {
            switch await dane.decide(
                host: peer.host, port: peer.port, domain: peer.domain, isRouteSecure: peer.isRouteSecure,
                isAddressSecure: peer.isAddressSecure)
            {
            case .absent: break
            case .authenticate(let records, let names): return .required(.dane(records, names: names))
            case .encrypt: return .required(.nothing)
            case .unknown(let reason):
                await count(peer, "tlsa", "", "dnssec-invalid", reason)
                return .avoid(Reason("trace.tlsa-unknown", ["host": peer.host, "reason": reason]))
            }
        }
        guard switches.sts else { return .opportunistic }
        switch await policies.find(peer.domain) {
        case .none: return .opportunistic
        case .failed(let failure):
            await count(peer, "sts", "", failure.result, failure.detail)
            return .opportunistic
        case .policy(let policy):
            guard policy.mode != .none else { return .opportunistic }
            guard policy.covers(peer.host) else {
                await count(peer, "sts", policy.text, "validation-failure", "the policy does not name \(peer.host)")
                return policy.mode == .enforce
                    ? .avoid(Reason("trace.sts-host", ["host": peer.host, "domain": peer.domain])) : .opportunistic
            }
            // RFC 8461 §4.1, §5.
            return policy.mode == .enforce ? .required(.certificate(names: [peer.host])) : .opportunistic
        }
    }

    package func note(_ peer: Peer, _ requirement: PeerRequirement, _ failure: SendingFailure?) async {
        guard let result = failure.map(Self.result) ?? "" else { return }
        switch requirement {
        case .required(.dane(let records, _)):
            let policy = records.map { "\($0.usage) \($0.selector) \($0.matchingType) \(Self.hexadecimal($0.data))" }
            await count(peer, "tlsa", policy.joined(separator: "\n"), result, failure?.detail ?? "")
        case .required(.certificate):
            var text = ""
            if case .policy(let policy) = await policies.find(peer.domain) { text = policy.text }
            await count(peer, "sts", text, result, failure?.detail ?? "")
        case .required(.nothing): await count(peer, "tlsa", "", result, failure?.detail ?? "")
        case .opportunistic: await count(peer, "no-policy-found", "", result, failure?.detail ?? "")
        case .avoid: break
        }
    }

    /// RFC 8460 §4.3; nil for what is no matter of TLS.
    private static func result(_ failure: SendingFailure) -> String? {
        switch failure.kind {
        case .tlsUnavailable: "starttls-not-supported"
        case .tlsFailed: failure.tlsResult ?? "validation-failure"
        case .unreachable, .timedOut, .closed, .garbage, .refused: nil
        }
    }

    // MARK: Counting

    private func count(_ peer: Peer, _ type: String, _ policy: String, _ result: String, _ detail: String) async {
        let now = clock()
        let one = TLSResult(
            day: Int(now / 86_400), domain: peer.domain, policyType: type, policy: policy, host: peer.host, result: result,
            detail: String(detail.prefix(200)))
        let due: [TLSResult: Int]? = pending.withLock { pending in
            if pending.results[one] != nil || pending.results.count < Self.maximumPending { pending.results[one, default: 0] += 1 }
            guard now - pending.written >= Self.interval || pending.results.count >= Self.maximumPending else { return nil }
            pending.written = now
            defer { pending.results = [:] }
            return pending.results
        }
        if let due { try? await store.count(due) }
    }

    /// Writes what waits.
    package func flush() async {
        let due = pending.withLock { pending in
            defer { pending.results = [:] }
            return pending.results
        }
        try? await store.count(due)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension STSPolicy {
    /// For a report.
    var text: String { lines.joined(separator: "\n") }
}
