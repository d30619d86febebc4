import Filter
import Mail
import Testing

@testable import Store

@Suite struct PoliciesTests {
    private static let user = PolicyScope.user("usuario@virtual.test")
    private static let domain = PolicyScope.domain("virtual.test")

    private static func pattern(_ text: String) throws -> SenderPattern { try #require(SenderPattern(text)) }

    private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<100 {
            if try await condition() { return true }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        return false
    }

    @Test func setShowReset() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        try await store.set(.spamKillLevel, to: "8.50", for: .server)
        try await store.set(.finalVirusDestiny, to: "D_REJECT", for: Self.domain)
        try await store.set(.finalVirusDestiny, to: "quarantine", for: Self.user)
        let found = try await store.policies([.server, Self.domain, Self.user, .user("otro@virtual.test"), .user("x@fuera.test")])
        #expect(found[.server]?.effective.finalVirusDestiny == .discard)
        #expect(found[Self.domain]?.value(of: .finalVirusDestiny) ?? ("", .standard) == ("reject", .domain))
        #expect(found[Self.user]?.value(of: .finalVirusDestiny) ?? ("", .standard) == ("quarantine", .user))
        #expect(found[.user("otro@virtual.test")]?.value(of: .finalVirusDestiny) ?? ("", .standard) == ("reject", .domain))
        #expect(found[.user("x@fuera.test")]?.value(of: .finalVirusDestiny) ?? ("", .user) == ("discard", .standard))
        #expect(found.values.allSatisfy { $0.value(of: .spamKillLevel) == ("8.5", .server) })
        #expect(try await store.reset(.finalVirusDestiny, for: Self.user))
        #expect(try await !store.reset(.finalVirusDestiny, for: Self.user))
        #expect(try await store.policy(for: Self.user).effective.finalVirusDestiny == .reject)
        await store.close()
    }

    @Test func whatIsRefused() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        await #expect(throws: StoreFailure.invalid("spam_kill_level")) { try await store.set(.spamKillLevel, to: "x", for: .server) }
        for scope in [PolicyScope.user("nadie@virtual.test"), .domain("fuera.test"), .domain("usuario@virtual.test")] {
            await #expect(throws: StoreFailure.nonExistent) { try await store.set(.quarantine, to: "false", for: scope) }
            let pattern = try Self.pattern("x.test")
            await #expect(throws: StoreFailure.nonExistent) { try await store.set(.white, of: pattern, for: scope) }
            #expect(try await !store.exists(scope))
        }
        await store.close()
    }

    @Test func senders() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        let boss = try Address(parsing: "Jefa@Example.com", allowUTF8: false)
        try await store.set(.black, of: Self.pattern("example.com"), for: .server)
        try await store.set(.points(Points(thousandths: 1_500)), of: Self.pattern(".com"), for: Self.domain)
        #expect(try await store.policy(for: Self.user).opinion(of: boss).isBlack)
        try await store.set(.white, of: Self.pattern("jefa@example.com"), for: Self.user)
        let opinion = try await store.policy(for: Self.user).opinion(of: boss)
        #expect(opinion.isWhite && !opinion.isBlack && opinion.points == 1.5)
        #expect(opinion.why.map(\.scope) == [Self.user, Self.domain])
        #expect(try await store.remove(Self.pattern("JEFA@example.com"), for: Self.user))
        #expect(try await !store.remove(Self.pattern("jefa@example.com"), for: Self.user))
        #expect(try await store.policy(for: Self.user).opinion(of: boss).isBlack)
        // Another tool's spelling goes with it, and is replaced by ours.
        scratch.sqlite3("INSERT INTO sender_list VALUES ('', 'EXAMPLE.org', 'white'), ('', 'example.org', 'black')")
        try await store.set(.points(Points(thousandths: 0)), of: Self.pattern("example.org"), for: .server)
        #expect(scratch.sqlite3("SELECT sender, opinion FROM sender_list WHERE scope = ''").output == "example.com|black\nexample.org|0\n")
        await store.close()
    }

    @Test func aListIsBounded() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        let fill = """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
            INSERT INTO sender_list SELECT '', 'd' || i || '.test', 'black' FROM n;
            """
        #expect(scratch.sqlite3(fill).status == 0)
        let refused = scratch.sqlite3("INSERT INTO sender_list VALUES ('', 'x.test', 'black')")
        #expect(refused.status != 0 && refused.output.contains("10000"), "\(refused.output)")
        #expect(scratch.sqlite3("REPLACE INTO sender_list VALUES ('', 'd1.test', 'white')").status == 0)
        let pattern = try Self.pattern("x.test")
        await #expect(throws: StoreFailure.limit("sender_list")) { try await store.set(.white, of: pattern, for: .server) }
        try await store.set(.white, of: Self.pattern("d2.test"), for: .server)
        try await store.set(.white, of: Self.pattern("x.test"), for: Self.user)
        await store.close()
    }

    /// A message costs no query while nothing changes.
    @Test func theyAreKept() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        _ = try await store.policies([Self.user, Self.domain])
        let generation = store.directoryGeneration
        // Behind the store's back, on its own connection: only a look into the database would see it.
        _ = try await store.writer.write { db, _ in try db.run("INSERT INTO policy VALUES ('', 'spam_kill_level', '7')") }
        try #require(store.directoryGeneration == generation)
        #expect(try await store.policies([Self.user])[Self.user]?.effective.spamKillLevel == 10)
        // Not asked for yet, but of the same server and domain.
        #expect(try await store.policy(for: .user("otro@virtual.test")).effective.spamKillLevel == 10)
        store.generation.bump()
        #expect(try await store.policy(for: Self.user).effective.spamKillLevel == 7)
        await store.close()
    }

    @Test func theCacheIsBounded() {
        let cache = PolicyCache()
        let layers = PolicyLayers([])
        for number in 0..<PolicyCache.limit { cache.keep([:], [.user("u\(number)@x.test"): layers], 1) }
        #expect(cache.find(.user("u0@x.test"), 1) != nil && cache.find(.user("u0@x.test"), 2) == nil)
        cache.keep([:], [.user("one-more@x.test"): PolicyLayers([])], 1)
        #expect(cache.find(.user("u0@x.test"), 1) == nil && cache.find(.user("one-more@x.test"), 1) != nil)
        cache.keep([:], [.server: PolicyLayers([])], 0)
        #expect(cache.find(.server, 0) == nil && cache.find(.server, 1) == nil)
    }

    @Test func anotherToolsRowsCountWithinASecond() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        #expect(try await store.policy(for: Self.user).effective == .standard)
        let written = scratch.sqlite3(
            """
            INSERT INTO policy VALUES ('virtual.test', 'final_banned_destiny', 'D_JUNK'), ('virtual.test', 'spam_kill_level', 'mucho'),
                ('usuario@virtual.test', 'quarantine', 'no');
            INSERT INTO sender_list VALUES ('virtual.test', 'Example.COM', 'W');
            """)
        #expect(written.status == 0, "\(written.output)")
        #expect(try await eventually { try await store.policy(for: Self.user).effective.finalBannedDestiny == .junk })
        let layers = try await store.policy(for: Self.user)
        #expect(!layers.effective.quarantine && layers.effective.spamKillLevel == 10)
        #expect(layers.layers[1].policy.useless == ["spam_kill_level": "mucho"])
        #expect(layers.opinion(of: try Address(parsing: "a@example.com", allowUTF8: false)).isWhite)
        await store.close()
    }

    @Test(arguments: ["otro.test", "nadie@virtual.test", "Virtual.test", "USUARIO@virtual.test", " ", "@virtual.test"])
    func rowsForNobodyAreRefused(_ scope: String) async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        scratch.sqlite3("INSERT INTO policy VALUES ('', 'quarantine', 'no'); INSERT INTO sender_list VALUES ('', 'x.test', 'white')")
        for statement in [
            "INSERT INTO policy VALUES ('\(scope)', 'quarantine', 'no')",
            "INSERT OR REPLACE INTO sender_list VALUES ('\(scope)', 'x.test', '1')",
            "UPDATE policy SET scope = '\(scope)'", "UPDATE sender_list SET scope = '\(scope)'",
        ] {
            let refused = scratch.sqlite3(statement)
            #expect(refused.status != 0 && refused.output.contains("scope must be"), "\(statement): \(refused.output)")
        }
        await store.close()
    }

    /// With foreign keys off, as the sqlite3 tool has them.
    @Test func rowsFollowTheirOwner() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        let all = "SELECT scope, key FROM policy UNION ALL SELECT scope, sender FROM sender_list"
        scratch.sqlite3(
            """
            INSERT INTO dominios VALUES ('vacio.test');
            INSERT INTO policy VALUES ('usuario@virtual.test', 'quarantine', 'no'), ('vacio.test', 'quarantine', 'no'), ('', 'quarantine', 'no');
            INSERT INTO sender_list VALUES ('usuario@virtual.test', 'x.test', 'white'), ('vacio.test', 'x.test', 'white');
            """)
        let renamed = scratch.sqlite3(
            """
            UPDATE usuarios SET email = 'ana@virtual.test'; UPDATE dominios SET dominio = 'lleno.test' WHERE dominio = 'vacio.test'; \(all);
            """)
        #expect(
            renamed.output == """
                |quarantine
                ana@virtual.test|quarantine
                lleno.test|quarantine
                ana@virtual.test|x.test
                lleno.test|x.test

                """)
        #expect(scratch.sqlite3("DELETE FROM user; DELETE FROM domain WHERE name = 'lleno.test'; \(all);").output == "|quarantine\n")
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }
}
