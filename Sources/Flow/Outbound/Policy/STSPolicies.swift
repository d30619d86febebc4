package import Resolution
package import Store
import Synchronization

/// Fetches a domain's policy. HTTPS is behind it; tests have their own.
package protocol PolicyFetcher: Sendable {
    /// The body of `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`: at most `STSPolicy.maximumSize` octets, from a host whose certificate
    /// was verified, without redirects, within a minute (RFC 8461 §3.3).
    func policy(of domain: String) async throws(PolicyFetchFailure) -> [UInt8]
}

package struct PolicyFetchFailure: Error, Sendable, Hashable {
    /// RFC 8460 §4.3.2.2: `sts-policy-fetch-error`, `sts-webpki-invalid`.
    package var result: String
    package var detail: String

    package init(_ result: String, _ detail: String) {
        self.result = result
        self.detail = detail
    }
}

/// The policies of other domains (RFC 8461), kept in the database for as long as they say.
package final class STSPolicies: Sendable {
    package enum Found: Sendable, Hashable {
        case none
        case policy(STSPolicy)
        /// There should be one, and it can't be had: as if there were none (RFC 8461 §3.3), but told in reports.
        case failed(PolicyFetchFailure)
    }

    /// A fetch that failed is tried again after so many seconds (RFC 8461 §3.3: at least five minutes).
    static let patience: Int64 = 600
    /// Domains whose failure is remembered.
    static let maximumFailures = 10_000
    /// A policy is asked for anew when less than this share of its life is left, so that it does not end unseen.
    static let renewalShare: Int64 = 4

    private let store: MailStore
    private let resolver: any Resolver
    private let fetcher: any PolicyFetcher
    /// Seconds since 1970.
    private let clock: @Sendable () -> Int64
    private let failures = Mutex<[String: (until: Int64, failure: PolicyFetchFailure)]>([:])

    package init(_ store: MailStore, _ resolver: any Resolver, _ fetcher: any PolicyFetcher, clock: @escaping @Sendable () -> Int64) {
        self.store = store
        self.resolver = resolver
        self.fetcher = fetcher
        self.clock = clock
    }

    /// What `domain` (A-labels, lower case) wants now.
    package func find(_ domain: String) async -> Found {
        let now = clock()
        let kept = try? await store.stsPolicy(of: domain)
        let current: STSPolicy? = kept.flatMap { $0.expires > now ? STSPolicy(parsing: Array($0.policy.utf8)) : nil }
        let lookup = await resolver.lookUp(TXTRecord.self, "_mta-sts.\(domain)")
        // A record that has gone, or can't be had, ends no policy that is still good (RFC 8461 §5.1).
        guard let id = STSRecord.id(in: lookup.records.map(\.bytes)) else { return current.map { .policy($0) } ?? .none }
        if let current, let kept, kept.policyID == id, kept.expires - now > (kept.expires - kept.fetched) / Self.renewalShare {
            return .policy(current)
        }
        if let failure = failures.withLock({ $0[domain] }), failure.until > now {
            return current.map { .policy($0) } ?? .failed(failure.failure)
        }
        do {
            let text = try await fetcher.policy(of: domain)
            guard let policy = STSPolicy(parsing: text) else {
                throw PolicyFetchFailure("sts-policy-invalid", "the policy of \(domain) can't be read")
            }
            failures.withLock { _ = $0.removeValue(forKey: domain) }
            try? await store.keepSTSPolicy(
                StoredPolicy(
                    policyID: id, policy: String(decoding: text, as: UTF8.self), fetched: now, expires: now + Int64(policy.maximumAge)),
                of: domain)
            return .policy(policy)
        } catch {
            let failure = error as? PolicyFetchFailure ?? PolicyFetchFailure("sts-policy-fetch-error", "\(error)")
            failures.withLock { failures in
                if failures.count >= Self.maximumFailures { failures = failures.filter { $0.value.until > now } }
                if failures.count < Self.maximumFailures { failures[domain] = (now + Self.patience, failure) }
            }
            return current.map { .policy($0) } ?? .failed(failure)
        }
    }
}
