import Credentials
import Dialogue
import Foundation
import SASL
import Synchronization
import Testing

@testable import Flow
@testable import Store

/// A data directory with ana@mi.dominio, and an authenticator whose clock is moved by hand.
private final class LoginServer: Sendable {
    let store: MailStore
    let authenticator: Authenticator
    private init(_ store: MailStore, _ authenticator: Authenticator, _ clock: Clock) {
        self.store = store
        self.authenticator = authenticator
        self.clock = clock
    }

    final class Clock: Sendable { let seconds = Mutex<Int64>(1_795_780_800) }
    let clock: Clock

    static func run(_ body: (LoginServer) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-login-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var options = MailStore.Options()
        options.keepsHouse = false
        let store = try await MailStore.open(directory: directory, options: options)
        try await store.set(.iterations, to: "4096")
        try await store.set(.loginFailures, to: "3")
        try await store.addDomain("mi.dominio")
        try await store.addUser("ana@mi.dominio", password: Array("secreto".utf8))
        let clock = Clock()
        let server = LoginServer(store, try await authenticator(store, clock), clock)
        do {
            try await body(server)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    static func authenticator(_ store: MailStore, _ clock: Clock) async throws -> Authenticator {
        try await Authenticator(
            store: store, workshop: Workshop(threads: 2), mechanisms: try SASLLibrary.load(), name: { "mail.host" },
            clock: { clock.seconds.withLock { $0 } * 1_000_000 })
    }

    func dialogue(_ peer: String = "192.0.2.7", _ authenticator: Authenticator? = nil) -> AuthenticationDialogue {
        (authenticator ?? self.authenticator).begin(
            Connection(
                peerAddress: peer, peerPort: 1, localAddress: "192.0.2.1", localPort: 587,
                isLoopback: peer == "127.0.0.1" || peer == "::1", id: 1), service: .smtp)
    }

    func login(_ password: String, _ user: String = "ana@mi.dominio", from peer: String = "192.0.2.7") async -> AuthenticationOutcome {
        await dialogue(peer).check(user: user, password: Secret(Array(password.utf8)))
    }
}

private let tls = TLSFacts(version: "TLSv1.3", cipher: "x", bits: 256)
private let right = AuthenticationOutcome.succeeded(login: "ana@mi.dominio")

@Suite struct AuthenticationDialogueTests {
    @Test func plain() async throws {
        try await LoginServer.run { server in
            let initial = Secret(Array("\0ANA@mi.dominio\0secreto".utf8))
            #expect(await server.dialogue().move(.begin(mechanism: "PLAIN", initial: initial), tls) == right)
            // In the clear from elsewhere it is not offered, on loopback it is.
            #expect(await server.dialogue().move(.begin(mechanism: "PLAIN", initial: initial), nil) == .failed(.malformed))
            #expect(await server.dialogue("127.0.0.1").move(.begin(mechanism: "PLAIN", initial: initial), nil) == right)
            // Not while the setting is off.
            #expect(await server.dialogue().move(.begin(mechanism: "CRAM-MD5", initial: nil), tls) == .failed(.malformed))
            #expect(await server.dialogue().move(.response(initial), tls) == .failed(.malformed))
            #expect(await server.dialogue().move(.cancel, tls) == .failed(.cancelled))
        }
    }

    @Test func offers() async throws {
        let all: Set = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "NTLM"]
        let legacy = Authenticator.offer(available: all, isLegacy: true)
        #expect(legacy.protected == ["PLAIN", "LOGIN", "DIGEST-MD5", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"])
        #expect(legacy.inTheClear == ["DIGEST-MD5", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"])
        #expect(legacy.bound == ["SCRAM-SHA-256-PLUS"])
        #expect(Authenticator.offer(available: all, isLegacy: false).inTheClear == ["SCRAM-SHA-1", "SCRAM-SHA-256"])
    }

    /// The limit is 3 distinct ones; the same again counts once.
    @Test func distinctWrongPasswordsLockOut() async throws {
        try await LoginServer.run { server in
            for _ in 0..<3 { #expect(await server.login("uno") == .failed(.wrong)) }
            #expect(await server.login("dos") == .failed(.wrong))
            #expect(await server.login("secreto", from: "198.51.100.1") == right)
            #expect(await server.login("tres") == .failed(.wrong))
            #expect(await server.login("secreto") == .failed(.throttled))
            // The account from elsewhere too, but not from where it logged in lately.
            #expect(await server.login("secreto", from: "198.51.100.2") == .failed(.throttled))
            #expect(await server.login("secreto", from: "198.51.100.1") == right)
            #expect(await server.login("secreto", from: "127.0.0.1") == right)
            #expect(try await server.store.lockouts(now: 1_795_780_800).map(\.key).sorted() == ["192.0.2.7", "ana@mi.dominio"])
            // After a restart as well.
            let again = try await LoginServer.authenticator(server.store, server.clock)
            let outcome = await server.dialogue("192.0.2.7", again).check(user: "ana@mi.dominio", password: Secret(Array("secreto".utf8)))
            #expect(outcome == .failed(.throttled))
            #expect(try await server.store.liftLockouts(nil) == 2)
            #expect(await server.login("secreto") == right)
        }
    }

    @Test func lockoutsEndByThemselves() async throws {
        try await LoginServer.run { server in
            for password in ["1", "2", "3"] { #expect(await server.login(password, "nadie@mi.dominio") == .failed(.wrong)) }
            #expect(await server.login("4", "nadie@mi.dominio") == .failed(.throttled))
            server.clock.seconds.withLock { $0 += 15 * 60 + 1 }
            #expect(await server.login("4", "nadie@mi.dominio") == .failed(.wrong))
        }
    }

    /// A wrong password and an unknown user take the same time, however long the check is.
    @Test func timeTellsNothing() async throws {
        try await LoginServer.run { server in
            try await server.store.setPassword(
                "ana@mi.dominio", hash: "{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuutmkKRgkHzrS3haayYHsZx6e9bQ6n6oG")
            for user in ["ana@mi.dominio", "nadie@mi.dominio", "", "\u{7F}"] {
                let began = ContinuousClock.now
                #expect(await server.login("otro", user, from: "127.0.0.1") == .failed(.wrong))
                let took = ContinuousClock.now - began
                #expect(took >= BruteForce.foreignDelay && took < BruteForce.foreignDelay * 2)
            }
            #expect(await server.login("secreto") == right)
            #expect(try server.store.credentials(of: "ana@mi.dominio")?.verifiers.count == 2)
            let began = ContinuousClock.now
            #expect(await server.login("otro", from: "127.0.0.1") == .failed(.wrong))
            #expect(ContinuousClock.now - began < BruteForce.foreignDelay)
        }
    }

    /// After a change of the iteration count a user still has the old one: strangers have it as well, in the same proportion.
    @Test func iterationCountsTellNothing() async throws {
        try await LoginServer.run { server in
            for number in 0..<9 { try await server.store.addUser("u\(number)@mi.dominio", password: [0x78]) }
            try await server.store.set(.iterations, to: "20000")
            let shares = try await IterationShares(store: server.store, invention: server.authenticator.invention, age: .zero)
            #expect((0..<50).allSatisfy { shares.iterations(of: "nadie\($0)@mi.dominio") == 4_096 })
            for number in 0..<4 { try await server.store.setPassword("u\(number)@mi.dominio", [0x79]) }
            let count = (0..<1_000).count { shares.iterations(of: "nadie\($0)@mi.dominio") == 20_000 }
            #expect((330...470).contains(count), "\(count)")
            // What SCRAM's first answer shows.
            func shown(_ user: String) async throws -> String {
                let dialogue = try await LoginServer.authenticator(server.store, server.clock)
                let initial = Secret(Array("n,,n=\(user),r=abcdefghijkl".utf8))
                let outcome = await server.dialogue("127.0.0.1", dialogue).move(.begin(mechanism: "SCRAM-SHA-256", initial: initial), tls)
                guard case .challenge(let bytes) = outcome else { return "\(outcome)" }
                return String(String(decoding: bytes, as: UTF8.self).split(separator: ",").last ?? "")
            }
            #expect(try await shown("ana@mi.dominio") == "i=4096")
            #expect(try await shown("u0@mi.dominio") == "i=20000")
            for number in 0..<8 {
                let name = "nadie\(number)@mi.dominio"
                #expect(try await shown(name) == "i=\(shares.iterations(of: name))")
            }
        }
    }

    /// By PLAIN whatever was typed, by SCRAM what RFC 5802 §2.2 makes of it; who prepares nothing gets in too.
    @Test func passwordsArePrepared() async throws {
        try await LoginServer.run { server in
            try await server.store.setPassword("ana@mi.dominio", Array("contrasen\u{303}aª".utf8))
            for password in ["contrasen\u{303}aª", "contraseñaa", "contraseñaª"] {
                #expect(await server.login(password, from: "127.0.0.1") == right)
            }
            #expect(await server.login("contrasenaa", from: "127.0.0.1") == .failed(.wrong))
            // Made before passwords were prepared: good as it is, and made anew when it is shown.
            let old = try #require(Verifier(password: Array("n\u{303}".utf8), hash: .sha256, iterations: 4_096))
            let stored = StoredVerifier(scheme: old.hash.rawValue, stored: old.stored)
            try await server.store.setPassword("ana@mi.dominio", .derived([stored], plain: nil))
            #expect(await server.login("ñ", from: "127.0.0.1") == .failed(.wrong))
            #expect(await server.login("n\u{303}", from: "127.0.0.1") == right)
            #expect(await server.login("ñ", from: "127.0.0.1") == right)
            // Unsaid in SASLprep: as it is, where it is there already; no command sets it.
            await #expect(throws: MailStore.prohibitedPassword) {
                try await server.store.setPassword("ana@mi.dominio", Array("clave🔑".utf8))
            }
            try await server.store.setPassword("ana@mi.dominio", hash: "{PLAIN}clave🔑")
            #expect(await server.login("clave🔑", from: "127.0.0.1") == right)
        }
    }

    @Test func delaysGrow() {
        #expect(BruteForce.delay(0) == .milliseconds(500))
        #expect(BruteForce.delay(1) == .milliseconds(500))
        #expect(BruteForce.delay(3) == .seconds(2))
        #expect(BruteForce.delay(.max) == .seconds(8))
    }

    @Test func countsAreBounded() {
        var counts = FailureCounts()
        for number in 0..<40_000 { _ = counts.add(1, to: "\(number)", now: 1) }
        #expect(counts.counts.count <= FailureCounts.keyLimit)
        for number in 0..<1_000 { _ = counts.add(UInt64(number), to: "x", now: 2) }
        #expect(counts.counts["x"]?.seen.count == FailureCounts.passwordLimit)
        #expect(counts.counts["x"]?.failures == 1_000)
        #expect(counts.lock("x", now: 10, seconds: 60) == 70)
        #expect(counts.count(of: "x", now: 70)?.failures == 0)
        _ = counts.add(1, to: "x", now: 71)
        #expect(counts.lock("x", now: 71, seconds: 60) == 191)
        #expect(counts.count(of: "x", now: 1_000_000) == nil)
    }
}
