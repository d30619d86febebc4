import Credentials
import Testing

@testable import Store

private let ssha = "{SSHA}5PltFWvpIYJ598GCQTQn7hMVb2oBAnNhbHRzYWx0/w=="

@Suite struct PasswordTests {
    private func password(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// As the sqlite3 tool writes it: it authenticates at once, is kept as it is, and the first login makes verifiers of it.
    @Test func hashesOfOtherSystems() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        #expect(scratch.sqlite3("UPDATE usuarios SET password = '\(ssha)' WHERE email = 'usuario@virtual.test';").status == 0)
        #expect(try await store.authenticate("usuario@virtual.test", password: password("secreto")) == user)
        #expect(try await store.authenticate("usuario@virtual.test", password: password(ssha)) == nil)
        #expect(try await store.hashPendingPasswords() <= 1)
        #expect(try store.credentials(of: "usuario@virtual.test")?.hash == ssha)
        #expect(try await store.verifiers(of: "usuario@virtual.test").isEmpty)
        #expect(try await store.user("usuario@virtual.test")?.hasPassword == true)
        #expect(try await store.authenticate("usuario@virtual.test", password: password("otro")) == nil)
        #expect(try await store.authenticate("usuario@virtual.test", password: password("secreto")) == user)
        let found = try #require(try store.credentials(of: "usuario@virtual.test"))
        #expect(try await store.renew(found, password: password("secreto")))
        #expect(try store.credentials(of: "usuario@virtual.test")?.hash == nil)
        #expect(try await store.verifiers(of: "usuario@virtual.test").count == 2)
        #expect(try await store.authenticate("usuario@virtual.test", password: password("secreto")) == user)
        // What was checked is no longer what is stored.
        #expect(try await store.renew(found, password: password("viejo")) == false)
        await store.close()
    }

    @Test func plainSchemesAreHashedAtOnce() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        #expect(scratch.sqlite3("UPDATE usuarios SET password = '{PLAIN}nueva' WHERE email = 'usuario@virtual.test';").status == 0)
        #expect(try await store.authenticate("usuario@virtual.test", password: password("nueva")) == user)
        #expect(try await store.hashPendingPasswords() <= 1)
        #expect(try await store.verifiers(of: "usuario@virtual.test").count == 2)
        #expect(try await store.authenticate("usuario@virtual.test", password: password("nueva")) == user)
        #expect(try await store.authenticate("usuario@virtual.test", password: password("{PLAIN}nueva")) == nil)
        await store.close()
    }

    /// A brace does not make a scheme; a known scheme with a useless value is nobody's password.
    @Test func bracesInPasswords() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for (written, isPassword) in [("{hola}secreto", true), ("{CRYPT}*", false), ("{CRYPT}", false)] {
            #expect(scratch.sqlite3("UPDATE usuarios SET password = '\(written)' WHERE email = 'usuario@virtual.test';").status == 0)
            for _ in 0..<2 {
                let found = try await store.authenticate("usuario@virtual.test", password: password(written))
                #expect(found == (isPassword ? user : nil), "\(written)")
                try await store.hashPendingPasswords()
            }
        }
        await store.close()
    }

    @Test func hashesByCommand() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        let user = try await store.addUser("otro@virtual.test", hash: ssha)
        #expect(try await store.authenticate("otro@virtual.test", password: password("secreto")) == user)
        await #expect(throws: StoreFailure.invalid("hash")) { try await store.addUser("mas@virtual.test", hash: "{SSHA}x") }
        await #expect(throws: StoreFailure.invalid("hash")) { try await store.setPassword("otro@virtual.test", hash: "secreto") }
        await store.close()
    }

    /// Readable passwords are there while the setting is on, and in no file afterwards.
    @Test func plainPasswordsComeAndGo() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        #expect(try store.credentials(of: "usuario@virtual.test")?.plain == nil)
        try await store.set(.legacyMechanisms, to: "true")
        #expect(try await store.health().usersWithoutPlainPassword == 1)
        let found = try #require(try store.credentials(of: "usuario@virtual.test"))
        #expect(try await store.renew(found, password: password("secreto")))
        #expect(try store.credentials(of: "usuario@virtual.test")?.plain == password("secreto"))
        try await store.setPassword("usuario@virtual.test", password("secretisimo-legible"))
        #expect(try store.credentials(of: "usuario@virtual.test")?.plain == password("secretisimo-legible"))
        #expect(try await store.health().usersWithoutPlainPassword == 0)
        try await store.takeSnapshot()
        try await store.set(.legacyMechanisms, to: "false")
        #expect(try store.credentials(of: "usuario@virtual.test")?.plain == nil)
        let needle = "secretisimo-legible"
        for file in ["data/buzon.db", "data/buzon.db-wal"]
            + (try store.snapshots().map { String($0.path.dropFirst(scratch.path.count + 1)) })
        {
            let bytes = scratch.bytes(scratch.path + "/" + file)
            #expect(!String(decoding: bytes, as: UTF8.self).contains(needle), "\(file)")
        }
        await store.close()
    }

    @Test func knownAddresses() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        let now: Int64 = 1_795_780_800
        try await store.noteLogin("usuario@virtual.test", address: "192.0.2.7", now: now)
        #expect(try store.isKnown(address: "192.0.2.7", now: now))
        #expect(try store.isKnown(address: "192.0.2.7", user: "usuario@virtual.test", now: now))
        #expect(try !store.isKnown(address: "192.0.2.7", user: "nadie@virtual.test", now: now))
        #expect(try !store.isKnown(address: "192.0.2.8", now: now))
        #expect(try !store.isKnown(address: "192.0.2.7", now: now + MailStore.knownAddressAge + 3_600))
        for number in 0..<100 {
            try await store.noteLogin("usuario@virtual.test", address: "198.51.100.\(number)", now: now + Int64(number) * 3_600)
        }
        let count = try await store.read { try $0.first("SELECT count(*) FROM known_address") { $0.int(0) } }
        #expect(count == MailStore.knownAddressLimit)
        #expect(try store.isKnown(address: "198.51.100.99", now: now))
        await store.close()
    }

    @Test func lockouts() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        let first = Lockout(kind: .address, key: "2001:db8::/64", failures: 10, last: 1_000, until: 1_900)
        let second = Lockout(kind: .account, key: "nadie@virtual.test", failures: 11, last: 1_001, until: 1_901)
        try await store.keepLockout(first)
        try await store.keepLockout(second)
        #expect(try await store.lockouts(now: 1_500) == [second, first])
        #expect(try store.isLockedOut(.address, "2001:db8::/64", now: 1_500))
        #expect(try !store.isLockedOut(.address, "2001:db8::/64", now: 1_900))
        #expect(try await store.liftLockouts("nadie@virtual.test") == 1)
        #expect(try await store.lockouts(now: 1_500) == [first])
        #expect(try await store.liftLockouts(nil) == 1)
        #expect(try await store.liftLockouts(nil) == 0)
        await store.close()
    }
}
