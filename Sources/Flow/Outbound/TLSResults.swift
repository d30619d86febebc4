package import Store

/// Counts how sessions went, for reports (RFC 8460); written together, not one by one.
package actor TLSResults {
    /// Kinds of results that wait to be written.
    private static let limit = 1_000
    /// Octets of what others had a say in.
    private static let textLimit = 255

    private let store: MailStore
    private let now: @Sendable () -> Int64
    private var counts: [TLSResult: Int] = [:]

    /// `now`: seconds since 1970.
    package init(store: MailStore, now: @escaping @Sendable () -> Int64) {
        self.store = store
        self.now = now
    }

    /// One session, or one that could not be. `type` nil: it went well.
    package func note(
        domain: String, policyType: TLSResult.PolicyType, policy: [String] = [], mx: String, _ type: TLSResultType? = nil,
        detail: String = ""
    ) async {
        let result = TLSResult(
            day: now() / 86_400, domain: domain, policyType: policyType, policy: policy.joined(separator: "\n"), mx: cut(mx),
            result: type?.rawValue ?? "", detail: cut(detail))
        counts[result, default: 0] += 1
        if counts.count >= Self.limit { await flush() }
    }

    /// Writes what has been counted. What can't be written is lost: it is worth no delivery.
    package func flush() async {
        guard !counts.isEmpty else { return }
        let written = counts
        counts = [:]
        try? await store.add(written)
    }

    private func cut(_ text: String) -> String { String(decoding: text.utf8.prefix(Self.textLimit), as: UTF8.self) }
}
