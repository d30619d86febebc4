package import Filter
import GRDB

extension MailStore {
    /// What holds for each of the scopes: what was read before as long as the directory stands still, so that a message costs no query.
    /// Nobody needs to exist: who has no rows gets what the wider scopes say.
    package func policies(_ scopes: [PolicyScope]) async throws(StoreFailure) -> [PolicyScope: PolicyLayers] {
        let generation = generation.value
        var found: [PolicyScope: PolicyLayers] = [:]
        for scope in scopes { found[scope] = policyCache.find(scope, generation) }
        let missing = Set(scopes.filter { found[$0] == nil })
        guard !missing.isEmpty else { return found }
        let steps = Set(missing.flatMap(\.path))
        let known = policyCache.parts(steps, generation)
        let unread = steps.filter { known[$0] == nil }
        var parts = known
        if !unread.isEmpty {
            let read = try await read { db in try Dictionary(uniqueKeysWithValues: unread.map { ($0, try db.policy(of: $0)) }) }
            parts.merge(read) { $1 }
        }
        var layers: [PolicyScope: PolicyLayers] = [:]
        for scope in missing { layers[scope] = PolicyLayers(scope.path.compactMap { step in parts[step].map { .init(step, $0) } }) }
        policyCache.keep(parts, layers, generation)
        found.merge(layers) { $1 }
        return found
    }

    /// Whether there is anybody whose mail is to be scanned: by the server's policy, or by one of a domain or user.
    package func wantsVirusChecks() async throws(StoreFailure) -> Bool {
        if try await !policy(for: .server).effective.bypassVirusChecks { return true }
        let generation = generation.value
        if let known = policyCache.wantsVirusChecks(generation) { return known }
        let found = try await read { db in
            try db.all("SELECT value FROM policy WHERE key = 'bypass_virus_checks'") { $0.text(0) }
                .contains { PolicyKey.bypassVirusChecks.normalised($0) == "false" }
        }
        policyCache.keep(wantsVirusChecks: found, generation)
        return found
    }

    package func policy(for scope: PolicyScope) async throws(StoreFailure) -> PolicyLayers {
        try await policies([scope])[scope] ?? PolicyLayers([])
    }

    /// What each scope says that says anything: the server, domains, users.
    package func allPolicies() async throws(StoreFailure) -> [PolicyLayers.Layer] {
        try await read { db in
            let scopes = try db.all(
                """
                SELECT scope FROM (SELECT scope FROM policy UNION SELECT scope FROM sender_list)
                ORDER BY scope <> '', instr(scope, '@') > 0, scope
                """
            ) { PolicyScope(stored: $0.text(0)) }
            return try scopes.map { PolicyLayers.Layer($0, try db.policy(of: $0)) }
        }
    }

    /// Whether there is such a domain or user.
    package func exists(_ scope: PolicyScope) async throws(StoreFailure) -> Bool { try await read { try $0.exists(scope) } }

    /// `.invalid` when the value is none, `.nonExistent` without such a domain or user.
    package func set(_ key: PolicyKey, to value: String, for scope: PolicyScope) async throws(StoreFailure) {
        guard let stored = key.normalised(value) else { throw .invalid(key.rawValue) }
        try await writeDirectory { db, _ in
            guard try db.exists(scope) else { throw StoreFailure.nonExistent }
            try db.run(
                "INSERT INTO policy VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", .text(scope.stored),
                .text(key.rawValue), .text(stored))
        }
    }

    /// What the scope said of the key is forgotten. False: it said nothing.
    @discardableResult
    package func reset(_ key: PolicyKey, for scope: PolicyScope) async throws(StoreFailure) -> Bool {
        try await writeDirectory { db, _ in
            try db.run("DELETE FROM policy WHERE scope = ? AND key = ?", .text(scope.stored), .text(key.rawValue)) > 0
        }
    }

    /// In the place of what the list said of the pattern. `.nonExistent` without such a domain or user, `.limit` when the list is full.
    package func set(_ word: SenderWord, of pattern: SenderPattern, for scope: PolicyScope) async throws(StoreFailure) {
        try await writeDirectory { db, _ in
            guard try db.exists(scope) else { throw StoreFailure.nonExistent }
            try db.removeSender(pattern, from: scope)
            let count = try db.first("SELECT count(*) FROM sender_list WHERE scope = ?", .text(scope.stored)) { $0.int(0) } ?? 0
            guard count < SenderList.limit else { throw StoreFailure.limit("sender_list") }
            try db.run("INSERT INTO sender_list VALUES (?, ?, ?)", .text(scope.stored), .text(pattern.text), .text(word.text))
        }
    }

    /// False: the list had no such entry.
    package func remove(_ pattern: SenderPattern, for scope: PolicyScope) async throws(StoreFailure) -> Bool {
        try await writeDirectory { db, _ in try db.removeSender(pattern, from: scope) > 0 }
    }
}

extension Database {
    fileprivate func policy(of scope: PolicyScope) throws -> ScopePolicy {
        let values = try all("SELECT key, value FROM policy WHERE scope = ?", .text(scope.stored)) { ($0.text(0), $0.text(1)) }
        return ScopePolicy(rows: values, senders: SenderList(rows: try senders(of: scope)))
    }

    private func senders(of scope: PolicyScope) throws -> [(pattern: String, word: String)] {
        try all("SELECT sender, opinion FROM sender_list WHERE scope = ? ORDER BY sender", .text(scope.stored)) { ($0.text(0), $0.text(1)) }
    }

    fileprivate func exists(_ scope: PolicyScope) throws -> Bool {
        switch scope {
        case .server: true
        case .domain(let name): try first("SELECT 1 FROM domain WHERE name = ?", .text(name)) { _ in true } ?? false
        case .user(let email): try first("SELECT 1 FROM user WHERE email = ?", .text(email)) { _ in true } ?? false
        }
    }

    /// However the sqlite3 tool wrote it. Answers how many rows went.
    @discardableResult
    fileprivate func removeSender(_ pattern: SenderPattern, from scope: PolicyScope) throws -> Int {
        var count = 0
        for (written, _) in try senders(of: scope) where written == pattern.text || SenderPattern(written) == pattern {
            count += try run("DELETE FROM sender_list WHERE scope = ? AND sender = ?", .text(scope.stored), .text(written))
        }
        return count
    }
}
