/// How sessions with a domain's host went on one day (RFC 8460 §4.3, §4.4).
package struct TLSResult: Sendable, Hashable {
    package enum PolicyType: String, Sendable {
        case tlsa, sts
        case none = "no-policy-found"
    }

    /// That many days they are kept.
    static let days: Int64 = 30

    /// Seconds since 1970 / 86400.
    package var day: Int64
    /// The recipients' domain, A-label.
    package var domain: String
    package var policyType: PolicyType
    /// The policy's lines, or the TLSA records.
    package var policy: String
    package var mx: String
    /// RFC 8460 §4.3 result-type; empty for success.
    package var result: String
    package var detail: String

    package init(
        day: Int64, domain: String, policyType: PolicyType, policy: String = "", mx: String = "", result: String = "", detail: String = ""
    ) {
        self.day = day
        self.domain = domain
        self.policyType = policyType
        self.policy = policy
        self.mx = mx
        self.result = result
        self.detail = detail
    }
}

extension MailStore {
    /// Adds sessions to the counts, all in one transaction.
    package func add(_ results: [TLSResult: Int]) async throws(StoreFailure) {
        try await writer.write { db, _ in
            for (result, count) in results {
                try db.run(
                    """
                    INSERT INTO tls_result (day, domain, policy_type, policy, mx, result, detail, sessions) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions, policy = excluded.policy
                    """, .integer(result.day), .text(result.domain), .text(result.policyType.rawValue), .text(result.policy),
                    .text(result.mx), .text(result.result), .text(result.detail), .int(count))
            }
        }
    }

    /// A day's results with their sessions, ordered by domain.
    package func tlsResults(day: Int64) async throws(StoreFailure) -> [(result: TLSResult, sessions: Int)] {
        try await read { db in
            try db.all(
                """
                SELECT domain, policy_type, policy, mx, result, detail, sessions FROM tls_result WHERE day = ?
                ORDER BY domain, policy_type, mx, result, detail
                """, .integer(day)
            ) { row in
                let type = TLSResult.PolicyType(rawValue: row.text(1)) ?? .none
                let result = TLSResult(
                    day: day, domain: row.text(0), policyType: type, policy: row.text(2), mx: row.text(3), result: row.text(4),
                    detail: row.text(5))
                return (result, row.int(6))
            }
        }
    }
}
