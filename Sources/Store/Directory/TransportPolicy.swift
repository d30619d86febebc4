/// A domain's MTA-STS policy as it was fetched (RFC 8461 §3.3).
package struct CachedPolicy: Sendable, Equatable {
    /// A-label, lower case.
    package var domain: String
    package var policyID: String
    package var policy: String
    /// Seconds since 1970.
    package var fetched: Int64
    package var expires: Int64

    package init(domain: String, policyID: String, policy: String, fetched: Int64, expires: Int64) {
        self.domain = domain
        self.policyID = policyID
        self.policy = policy
        self.fetched = fetched
        self.expires = expires
    }
}

extension MailStore {
    /// Expired or not.
    package func cachedPolicy(_ domain: String) async throws(StoreFailure) -> CachedPolicy? {
        try await read { db in
            try db.first("SELECT policy_id, policy, fetched, expires FROM mta_sts WHERE domain = ?", .text(domain)) { row in
                CachedPolicy(domain: domain, policyID: row.text(0), policy: row.text(1), fetched: row.int64(2), expires: row.int64(3))
            }
        }
    }

    /// In the place of the domain's earlier one.
    package func keep(_ policy: CachedPolicy) async throws(StoreFailure) {
        _ = try await writer.write { db, _ in
            try db.run(
                """
                INSERT INTO mta_sts (domain, policy_id, policy, fetched, expires) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET
                    policy_id = excluded.policy_id, policy = excluded.policy, fetched = excluded.fetched, expires = excluded.expires
                """, .text(policy.domain), .text(policy.policyID), .text(policy.policy), .integer(policy.fetched), .integer(policy.expires))
        }
    }

    /// Domains whose policy is in force and was fetched long enough ago (`age`, or half of its life; at least `pause`), the oldest first. Only
    /// those that mail was sent to within the days of `TLSResult`: what nobody uses expires.
    package func agingPolicies(now: Int64, age: Int64, pause: Int64, limit: Int) async throws(StoreFailure) -> [String] {
        try await read { db in
            try db.all(
                """
                SELECT domain FROM mta_sts WHERE expires > ?1 AND fetched + min(?2, max(?3, (expires - fetched) / 2)) <= ?1
                AND domain IN (SELECT domain FROM tls_result) ORDER BY fetched LIMIT ?4
                """, .integer(now), .integer(age), .integer(pause), .integer(Int64(limit))
            ) { $0.text(0) }
        }
    }

    /// Forgets it, so that it is fetched again.
    package func removeCachedPolicy(_ domain: String) async throws(StoreFailure) {
        _ = try await writer.write { db, _ in try db.run("DELETE FROM mta_sts WHERE domain = ?", .text(domain)) }
    }

    func sweepTransport(time: Int64) async throws(StoreFailure) {
        try await writer.write { db, _ in
            try db.run("DELETE FROM mta_sts WHERE expires < ?", .integer(time))
            try db.run("DELETE FROM tls_result WHERE day < ?", .integer(time / 86_400 - TLSResult.days))
        }
    }
}
