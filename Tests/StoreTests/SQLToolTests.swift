import Glibc
import Mail
import Testing

@testable import Store

/// The classic stack's three tables, written by Debian's sqlite3 tool beside a running server.
struct SQLToolTests {
    private func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<400 {
            if try await condition() { return true }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        return false
    }

    @Test func theGuidesOwnInserts() async throws {
        let scratch = Scratch()
        let store = try await scratch.open()
        try await store.set(.iterations, to: "4096")
        let result = scratch.sqlite3(
            """
            INSERT INTO dominios (`dominio`) VALUES ('virtual.test');
            INSERT INTO usuarios (`email`,`password`) VALUES ('Usuario@Virtual.test','secreto-muy-largo-1234');
            SELECT email, password IS NULL FROM usuarios;
            """)
        #expect(result.status == 0)
        #expect(result.output == "usuario@virtual.test|1\n")
        // At once: the pending password is the password.
        let user = try #require(try await store.authenticate("usuario@virtual.test", password: Array("secreto-muy-largo-1234".utf8)))
        #expect(try await eventually { try await store.verifiers(of: "usuario@virtual.test").count == 2 })
        #expect(try await store.authenticate("USUARIO@virtual.test", password: Array("secreto-muy-largo-1234".utf8)) == user)
        #expect(try await store.authenticate("usuario@virtual.test", password: Array("otro".utf8)) == nil)
        #expect(try await store.authenticate("nadie@virtual.test", password: Array("otro".utf8)) == nil)
        // Nothing of the password stays on disk.
        let isGone = try await eventually {
            ["buzon.db", "buzon.db-wal"].allSatisfy { name in
                !String(decoding: scratch.bytes(scratch.path + "/data/" + name), as: Unicode.ASCII.self).contains("secreto-muy-largo")
            }
        }
        #expect(isGone)
        #expect(try await store.mailboxes(user).map(\.name) == ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"])
        #expect(try await store.mailboxes(user).compactMap(\.specialUse) == ["\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"])
        try await store.deliver("Subject: x\r\n\r\n", to: [user])
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test(arguments: [
        ("INSERT INTO usuarios VALUES ('x@nowhere.test','p')", "not in dominios"),
        ("INSERT INTO usuarios VALUES ('usuario@virtual.test','other')", "UNIQUE"),
        ("INSERT INTO usuarios VALUES ('a b@virtual.test','p')", "email"),
        ("INSERT INTO usuarios VALUES (NULL,'p')", "email"),
        ("INSERT INTO usuarios VALUES ('a' || char(10) || 'b@virtual.test','p')", "email"),
        ("INSERT INTO usuarios VALUES ('a' || char(0) || 'b@virtual.test','p')", "email"),
        ("INSERT INTO user (domain_id, email) SELECT id, 'a' || char(127) || '@virtual.test' FROM domain", "CHECK"),
        ("UPDATE usuarios SET email = 'a' || char(1) || '@virtual.test'", "email"),
        ("INSERT INTO dominios VALUES ('a' || char(10) || 'b.test')", "ASCII"),
        ("INSERT INTO domain (name) VALUES ('a' || char(0) || 'b.test')", "CHECK"),
        ("INSERT INTO forwardings VALUES ('a' || char(13) || '@virtual.test','x@y.test')", "origen"),
        ("UPDATE forwardings SET origen = 'a' || char(31) || '@virtual.test'", "origen"),
        ("INSERT INTO forwarding VALUES ('a' || char(9) || '@virtual.test','x@y.test')", "CHECK"),
        ("INSERT INTO usuarios VALUES ('ana@virtual.test','')", "password"),
        ("INSERT INTO dominios VALUES ('virtual.test')", "UNIQUE"),
        ("INSERT INTO dominios VALUES ('españa.test')", "ASCII"),
        ("INSERT INTO dominios VALUES ('a b.test')", "ASCII"),
        ("INSERT INTO dominios VALUES ('')", "ASCII"),
        ("REPLACE INTO dominios VALUES (NULL)", "ASCII"),
        ("DELETE FROM dominios", "users"),
        ("DELETE FROM domain", "users"),
        ("UPDATE dominios SET dominio = 'other.test'", "users"),
        ("UPDATE usuarios SET email = 'x@nowhere.test'", "not in dominios"),
        ("UPDATE OR REPLACE usuarios SET email = 'otra@virtual.test' WHERE email = 'usuario@virtual.test'", "exists already"),
        ("INSERT INTO forwardings VALUES ('a@virtual.test',' , ')", "destino"),
        ("INSERT INTO forwardings VALUES ('a@virtual.test',NULL)", "destino"),
        ("INSERT INTO forwardings VALUES ('@','x@y.test')", "origen"),
        ("INSERT INTO forwardings VALUES ('fija@virtual.test','x@y.test')", "UNIQUE"),
        ("UPDATE forwardings SET origen = 'fija@virtual.test' WHERE origen = '@virtual.test'", "exists already"),
    ]) func refusals(statement: String, reason: String) async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.addUser("otra@virtual.test", password: [65])
        _ = try await store.changeForwarding("fija@virtual.test", { _ in ["a@b.test"] })
        _ = try await store.changeForwarding("@virtual.test", { _ in ["usuario@virtual.test"] })
        let before = scratch.sqlite3(
            "SELECT * FROM dominios; SELECT id, email FROM user; SELECT * FROM forwardings; SELECT * FROM already_exists;")
        let result = scratch.sqlite3(statement)
        #expect(result.status != 0)
        #expect(result.output.contains(reason), "\(result.output)")
        let after = scratch.sqlite3(
            "SELECT * FROM dominios; SELECT id, email FROM user; SELECT * FROM forwardings; SELECT * FROM already_exists;")
        #expect(before.output == after.output)
        #expect(try await store.user("usuario@virtual.test")?.id == user)
        #expect(try await store.verify().problems == [])
        await store.close()
    }

    @Test func conflictClausesNeverOrphan() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.deliver("Subject: x\r\n\r\n", to: [user])
        let ignored = scratch.sqlite3(
            """
            INSERT OR IGNORE INTO usuarios VALUES ('usuario@virtual.test','ignored');
            INSERT OR IGNORE INTO dominios VALUES ('VIRTUAL.test');
            SELECT count(*) FROM user WHERE pending_password IS NOT NULL;
            """)
        #expect(ignored.status == 0)
        #expect(ignored.output == "0\n")
        let replaced = scratch.sqlite3(
            """
            REPLACE INTO usuarios VALUES ('usuario@virtual.test','nueva');
            INSERT OR REPLACE INTO dominios VALUES ('virtual.test');
            REPLACE INTO forwardings VALUES ('x','a@b.test');
            REPLACE INTO forwardings VALUES ('X','c@d.test , e@f.test');
            INSERT OR IGNORE INTO forwardings VALUES ('x','g@h.test');
            SELECT * FROM forwardings;
            """)
        #expect(replaced.status == 0)
        #expect(replaced.output == "x|c@d.test , e@f.test\n")
        #expect(try await store.user("usuario@virtual.test")?.id == user)
        #expect(try await store.user("usuario@virtual.test")?.messages == 1)
        #expect(try await store.authenticate("usuario@virtual.test", password: Array("nueva".utf8)) == user)
        #expect(try await store.forwarding("x")?.destinations == ["c@d.test", "e@f.test"])
        #expect(try await store.verify().problems == [])
        await store.close()
    }

    /// What another tool wrote into a setting and is no value of it counts as if it were not there.
    @Test func aSettingThatIsNoneIsIgnored() async throws {
        let scratch = Scratch()
        let store = try await scratch.open()
        let result = scratch.sqlite3(
            """
            INSERT INTO setting VALUES ('lockout-minutes', '9223372036854775807'), ('release-days', '-1'), ('daily-recipients', 'x'),
            ('queue-retry', 'x'), ('tls-minimum', 'SSLv3'), ('networks', '0.0.0.0/0, x'), ('login-failures', ' 7 '), ('unknown', 'x');
            """)
        #expect(result.status == 0, "\(result.output)")
        let isSeen = try await eventually { store.integer(.loginFailures) == 7 }
        #expect(isSeen)
        #expect(store.integer(.lockoutMinutes) == 15)
        #expect(store.integer(.releaseDays) == 30)
        #expect(store.integer(.dailyRecipients) == 1_000)
        #expect(store.durations(.retryPlan).first == 120)
        #expect(store.value(.tlsMinimum) == "TLSv1.2")
        #expect(store.value(.networks) == "127.0.0.0/8,::1/128")
        await store.close()
        let reopened = try await scratch.open()
        #expect(reopened.integer(.releaseDays) == 30)
        await reopened.close()
    }

    @Test func updatesAndDeletes() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.deliver("Subject: x\r\n\r\n", to: [user])
        let result = scratch.sqlite3(
            """
            INSERT INTO dominios VALUES ('otro.test'), ('Tercero.test');
            UPDATE usuarios SET email = 'Nuevo@otro.test' WHERE email = 'usuario@virtual.test';
            UPDATE usuarios SET password = 'cambiada' WHERE email = 'nuevo@otro.test';
            UPDATE dominios SET dominio = 'cuarto.test' WHERE dominio = 'tercero.test';
            DELETE FROM dominios WHERE dominio = 'virtual.test';
            INSERT INTO forwardings VALUES ('@otro.test','nuevo@otro.test');
            UPDATE forwardings SET destino = 'a@b.test,c@d.test' WHERE origen = '@otro.test';
            UPDATE forwardings SET origen = 'Z@otro.test' WHERE origen = '@otro.test';
            """)
        #expect(result.status == 0, "\(result.output)")
        #expect(try await store.domains() == ["cuarto.test", "otro.test"])
        #expect(try await store.user("nuevo@otro.test")?.id == user)
        #expect(try await store.authenticate("nuevo@otro.test", password: Array("cambiada".utf8)) == user)
        #expect(try await store.forwardings() == [Forwarding(origin: "z@otro.test", destinations: ["a@b.test", "c@d.test"])])
        #expect(try await store.verify().problems == [])
        let deletion = scratch.sqlite3("DELETE FROM usuarios; DELETE FROM dominios; DELETE FROM forwardings;")
        #expect(deletion.status == 0, "\(deletion.output)")
        let report = try await store.verify(deep: true)
        #expect(report.problems == [])
        #expect(report.bodies == 0)
        #expect(try await store.users().isEmpty)
        await store.close()
    }

    @Test func forwardingOfAForeignDomainIsKept() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        #expect(scratch.sqlite3("INSERT INTO forwardings VALUES ('jefa@fuera.example','usuario@virtual.test')").status == 0)
        let found = try await store.withAddressBook { book in
            (try book.destinations(of: "jefa@fuera.example"), try book.isDomain("fuera.example"), try book.isDomain("virtual.test"))
        }
        #expect(found.0 == ["usuario@virtual.test"])
        #expect(!found.1 && found.2)
        await store.close()
    }

    /// A terminal in Latin-1: the password is those bytes, whatever they mean.
    @Test func aPasswordThatIsNotUTF8() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        #expect(scratch.sqlite3("UPDATE user SET pending_password = CAST(x'61FF' AS TEXT)").status == 0)
        #expect(try await store.authenticate("usuario@virtual.test", password: [0x61, 0xFF]) == user)
        #expect(try await eventually { scratch.sqlite3("SELECT count(*) FROM user WHERE pending_password IS NULL").output == "1\n" })
        #expect(try await store.hashPendingPasswords() == 0)
        #expect(try await store.authenticate("usuario@virtual.test", password: [0x61, 0xFF]) == user)
        #expect(try await store.authenticate("usuario@virtual.test", password: Array("a\u{FFFD}".utf8)) == nil)
        await store.close()
    }

    /// A transaction that is open for longer than the store waits does not leave the password in plain text.
    @Test func hashingIsTriedAgain() async throws {
        let scratch = Scratch()
        var options = MailStore.Options()
        options.keepsHouse = false
        options.busyTimeout = 0.1
        let store = try await MailStore.open(directory: scratch.path + "/data", options: options)
        try await store.set(.iterations, to: "4096")
        try await store.addDomain("virtual.test")
        #expect(scratch.sqlite3("INSERT INTO usuarios VALUES ('usuario@virtual.test','x'); BEGIN IMMEDIATE;\n.shell sleep 2").status == 0)
        #expect(
            try await eventually { scratch.sqlite3("SELECT count(*) FROM user WHERE pending_password IS NULL").output == "1\n" })
        await store.close()
    }

    @Test func noticedWithinASecond() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let inbox = try await store.inbox(user)
        #expect(scratch.sqlite3("INSERT INTO setting VALUES ('recipient-separator', '-'); DELETE FROM usuarios;").status == 0)
        #expect(try await eventually { store.value(.separator) == "-" })
        #expect(try await store.changes(inbox, since: 1, uidNext: 1, claimsRecent: true).isGone)
        await store.close()
    }
}
