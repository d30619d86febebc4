/// A policy of another domain, as it was fetched (RFC 8461).
package struct StoredPolicy: Sendable, Equatable {
    package var policyID: String
    package var policy: String
    /// Seconds since 1970.
    package var fetched: Int64
    package var expires: Int64

    package init(policyID: String, policy: String, fetched: Int64, expires: Int64) {
        self.policyID = policyID
        self.policy = policy
        self.fetched = fetched
        self.expires = expires
    }
}

/// What reports about TLS (RFC 8460 §4.4) are made of: sessions of one day with one host that ended alike.
package struct TLSResult: Sendable, Hashable {
    /// Seconds since 1970 / 86,400.
    package var day: Int
    package var domain: String
    /// `tlsa`, `sts`, `no-policy-found`.
    package var policyType: String
    package var policy: String
    package var host: String
    /// RFC 8460 §4.3; empty for success.
    package var result: String
    package var detail: String

    package init(day: Int, domain: String, policyType: String, policy: String, host: String, result: String, detail: String = "") {
        self.day = day
        self.domain = domain
        self.policyType = policyType
        self.policy = policy
        self.host = host
        self.result = result
        self.detail = detail
    }
}

extension MailStore {
    /// Rows of results that are kept for one day; further kinds of failure are not counted.
    static let tlsResultLimit = 100_000

    package func stsPolicy(of domain: String) async throws(StoreFailure) -> StoredPolicy? {
        try await read { db in
            try db.first("SELECT policy_id, policy, fetched, expires FROM mta_sts WHERE domain = ?", .text(domain)) { row in
                StoredPolicy(policyID: row.text(0), policy: row.text(1), fetched: row.int64(2), expires: row.int64(3))
            }
        }
    }

    package func keepSTSPolicy(_ policy: StoredPolicy, of domain: String) async throws(StoreFailure) {
        try await writer.write { db, _ in
            try db.run("DELETE FROM mta_sts WHERE expires < ?", .integer(policy.fetched))
            try db.run(
                "INSERT OR REPLACE INTO mta_sts (domain, policy_id, policy, fetched, expires) VALUES (?, ?, ?, ?, ?)",
                .text(domain), .text(policy.policyID), .text(policy.policy), .integer(policy.fetched), .integer(policy.expires))
        }
    }

    /// Counts one session for each; results of more than 30 days ago go.
    package func count(_ results: [TLSResult: Int]) async throws(StoreFailure) {
        guard let newest = results.keys.map(\.day).max() else { return }
        try await writer.write { db, _ in
            try db.run("DELETE FROM tls_result WHERE day < ?", .int(newest - 30))
            let rows = try db.first("SELECT count(*) FROM tls_result WHERE day = ?", .int(newest)) { $0.int(0) } ?? 0
            guard rows + results.count <= Self.tlsResultLimit else { return }
            for (one, sessions) in results {
                try db.run(
                    """
                    INSERT INTO tls_result (day, domain, policy_type, policy, mx, result, detail, sessions) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (day, domain, policy_type, mx, result, detail) DO UPDATE SET sessions = sessions + excluded.sessions
                    """, .int(one.day), .text(one.domain), .text(one.policyType), .text(one.policy), .text(one.host), .text(one.result),
                    .text(one.detail), .int(sessions))
            }
        }
    }

    /// The newest day first.
    package func tlsResults() async throws(StoreFailure) -> [(result: TLSResult, sessions: Int)] {
        try await read { db in
            try db.all(
                "SELECT day, domain, policy_type, policy, mx, result, detail, sessions FROM tls_result ORDER BY day DESC, domain, mx, result"
            ) { row in
                (
                    TLSResult(
                        day: row.int(0), domain: row.text(1), policyType: row.text(2), policy: row.text(3), host: row.text(4),
                        result: row.text(5), detail: row.text(6)), row.int(7)
                )
            }
        }
    }
}
