import GRDB

/// Where mail for a domain goes instead of the domain's own hosts.
package struct Smarthost: Sendable, Equatable {
    package enum Encryption: String, Sendable, CaseIterable {
        case never, offered, required, verified, implicit
    }

    /// A-label, folded; empty: for every domain that has no row of its own.
    package var domain: String
    /// A name or an address; empty: straight to the domain's own hosts.
    package var host: String
    package var port: Int
    package var tls: Encryption
    /// Empty: without a login.
    package var user: String
    package var password: [UInt8]

    package init(
        domain: String, host: String, port: Int = 587, tls: Encryption = .required, user: String = "", password: [UInt8] = []
    ) {
        self.domain = domain
        self.host = host
        self.port = port
        self.tls = tls
        self.user = user
        self.password = password
    }
}

extension Smarthost: CustomStringConvertible {
    /// Without the password.
    package var description: String { "\(domain.isEmpty ? "*" : domain) \(host):\(port) \(tls.rawValue) \(user)" }
}

extension MailStore {
    package func smarthosts() async throws(StoreFailure) -> [Smarthost] {
        try await read { db in
            try db.all("SELECT domain, host, port, tls, user, password FROM route ORDER BY domain") { row in
                Smarthost(
                    domain: row.text(0), host: row.text(1), port: row.int(2), tls: Smarthost.Encryption(rawValue: row.text(3)) ?? .required,
                    user: row.text(4), password: row.blob(5))
            }
        }
    }

    /// In the place of the domain's former one, if there was one.
    package func set(_ smarthost: Smarthost) async throws(StoreFailure) {
        let domain = folded(smarthost.domain)
        guard domain.isEmpty || isDomain(domain), (1...65_535).contains(smarthost.port) else { throw .invalid("route") }
        try await writeDirectory { db, effects in
            effects.touched.append(QueueWake.change)
            try db.run(
                "REPLACE INTO route (domain, host, port, tls, user, password) VALUES (?, ?, ?, ?, ?, ?)", .text(domain),
                .text(folded(smarthost.host)), .int(smarthost.port), .text(smarthost.tls.rawValue), .text(smarthost.user),
                .blob(smarthost.password))
        }
    }

    /// `.nonExistent`.
    package func removeSmarthost(for domain: String) async throws(StoreFailure) {
        let domain = folded(domain)
        try await writeDirectory { db, effects in
            effects.touched.append(QueueWake.change)
            guard try db.run("DELETE FROM route WHERE domain = ?", .text(domain)) > 0 else { throw StoreFailure.nonExistent }
        }
    }
}
