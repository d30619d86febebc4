package import Resolution
package import Store

/// Finds other domains' policies and keeps them while they live (RFC 8461 §5.1). What can't be found out hinders no delivery.
package actor TransportPolicies {
    /// RFC 8461 §3.3: after a failure a domain is not asked again for at least five minutes.
    private static let pause: Int64 = 300
    /// Of domains that are not asked just now.
    private static let pauseLimit = 10_000
    private static let day: Int64 = 86_400
    /// Policies that one refresh fetches, and how many at once.
    private static let refreshLimit = 500
    private static let refreshWidth = 4

    private struct Pause {
        var until: Int64
        var id: String
        var failure: TLSResultType
    }

    private let store: MailStore
    private let resolver: any Resolver
    private let fetcher: any PolicyFetcher
    private let now: @Sendable () -> Int64
    private var pauses: [String: Pause] = [:]
    private var waiting: [String: [CheckedContinuation<TransportPolicy, Never>]] = [:]

    /// `now`: seconds since 1970.
    package init(
        store: MailStore, resolver: any Resolver, fetcher: any PolicyFetcher, now: @escaping @Sendable () -> Int64
    ) {
        self.store = store
        self.resolver = resolver
        self.fetcher = fetcher
        self.now = now
    }

    /// The policy of a domain, an A-label in lower case. Whoever asks while it is being found out waits for the same answer.
    package func policy(for domain: String) async -> TransportPolicy {
        if waiting[domain] != nil {
            return await withCheckedContinuation { waiting[domain, default: []].append($0) }
        }
        waiting[domain] = []
        let policy = await find(domain)
        for continuation in waiting.removeValue(forKey: domain) ?? [] { continuation.resume(returning: policy) }
        return policy
    }

    /// RFC 8461 §3.3: what is cached and used is fetched again before it expires, also while no mail goes there: whoever keeps the policy host
    /// away from us must do so for the whole life of a policy.
    package func refresh() async {
        let domains = try? await store.agingPolicies(now: now(), age: Self.day, pause: Self.pause, limit: Self.refreshLimit)
        await withDiscardingTaskGroup { group in
            var rest = (domains ?? [])[...]
            for share in 0..<Self.refreshWidth {
                let mine = rest.prefix((rest.count + Self.refreshWidth - share - 1) / (Self.refreshWidth - share))
                rest = rest.dropFirst(mine.count)
                group.addTask { for domain in mine where !Task.isCancelled { _ = await self.policy(for: domain) } }
            }
        }
    }

    private func find(_ domain: String) async -> TransportPolicy {
        let kept = await kept(domain)
        let texts = await resolver.lookUp(TXTRecord.self, "_mta-sts." + domain)
        // RFC 8461 §3.1, §5.1: without such a record no policy is looked for, but one that is known stays until it expires.
        let published = STSRecord(records: texts.records.map(\.bytes))?.id
        // Who keeps the DNS away must not keep a known policy from being renewed.
        guard let id = published ?? (texts.isFailure ? kept?.row.policyID : nil) else {
            return kept.map { TransportPolicy($0.policy) } ?? .none
        }
        if let kept, kept.row.policyID == id, !isAging(kept.row) { return TransportPolicy(kept.policy) }
        if let pause = pauses[domain], pause.until > now(), pause.id == id {
            return kept.map { TransportPolicy($0.policy) } ?? TransportPolicy(rule: .none, failure: pause.failure)
        }
        switch await fetch(domain) {
        case .success(let (policy, text)):
            pauses[domain] = nil
            let row = CachedPolicy(
                domain: domain, policyID: id, policy: text, fetched: now(), expires: now() + Int64(policy.maxAge))
            // When it can't be kept, it is fetched again the next time.
            try? await store.keep(row)
            return TransportPolicy(policy)
        case .failure(let failure):
            if pauses.count >= Self.pauseLimit { forgetPauses() }
            pauses[domain] = Pause(until: now() + Self.pause, id: id, failure: failure.type)
            // RFC 8461 §5.1: the old one until it expires, or delivery as if there were none.
            return kept.map { TransportPolicy($0.policy) } ?? TransportPolicy(rule: .none, failure: failure.type)
        }
    }

    /// A policy that has not expired.
    private func kept(_ domain: String) async -> (row: CachedPolicy, policy: STSPolicy)? {
        guard let row = try? await store.cachedPolicy(domain), row.expires > now(), let policy = STSPolicy(Array(row.policy.utf8))
        else { return nil }
        return (row, policy)
    }

    /// RFC 8461 §3.3: it is fetched again each day, and before it expires.
    private func isAging(_ row: CachedPolicy) -> Bool {
        let lifetime = row.expires - row.fetched
        return now() - row.fetched >= min(Self.day, max(Self.pause, lifetime / 2))
    }

    private struct FetchFailure: Error {
        var type: TLSResultType
    }

    private func fetch(_ domain: String) async -> Result<(STSPolicy, String), FetchFailure> {
        do throws(PolicyFetchFailure) {
            let fetched = try await fetcher.fetch(domain: domain)
            guard fetched.isPlainText, let policy = STSPolicy(fetched.body) else { return .failure(FetchFailure(type: .stsPolicyInvalid)) }
            return .success((policy, String(decoding: fetched.body, as: UTF8.self)))
        } catch {
            switch error {
            case .certificate: return .failure(FetchFailure(type: .stsWebPKIInvalid))
            case .other: return .failure(FetchFailure(type: .stsPolicyFetchError))
            }
        }
    }

    /// Those that are over, and the earliest half if that is not enough.
    private func forgetPauses() {
        let time = now()
        pauses = pauses.filter { $0.value.until > time }
        guard pauses.count >= Self.pauseLimit else { return }
        for (domain, _) in pauses.sorted(by: { $0.value.until < $1.value.until }).prefix(Self.pauseLimit / 2) { pauses[domain] = nil }
    }
}

extension Lookup {
    fileprivate var isFailure: Bool {
        switch outcome {
        case .found, .noData, .noName: false
        case .bogus, .failed: true
        }
    }
}
