import Credentials
import Dialogue
import Foundation
import Synchronization
import Testing

@testable import SASL

private let all = [
    "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
]

@Suite struct SASLExchangeTests {
    let users = SomeUsers()

    private func identity(_ name: String = "ana@mi.dominio", _ password: String = "secreto") -> CyrusClient.Identity {
        CyrusClient.Identity(name: name, password: password)
    }

    private func binding(_ mechanism: String) -> ChannelBinding? { mechanism.hasSuffix("-PLUS") ? protected.binding : nil }

    @Test(arguments: all) func rightPassword(mechanism: String) throws {
        let course = try #require(try play(mechanism, identity(), users, clientBinding: binding(mechanism)))
        #expect(course.outcome == .succeeded(login: "ana@mi.dominio"))
        #expect(course.isBelieved)
    }

    /// A stranger gets what a wrong password gets: the same answer after as many moves.
    @Test(arguments: all) func wrongPasswordAndUnknownUserAreOne(mechanism: String) throws {
        let wrong = try #require(try play(mechanism, identity("ana@mi.dominio", "otro"), users, clientBinding: binding(mechanism)))
        let stranger = try #require(try play(mechanism, identity("nadie@mi.dominio", "otro"), users, clientBinding: binding(mechanism)))
        #expect(wrong.outcome == .failed(.wrong))
        #expect(wrong == stranger)
    }

    @Test(arguments: all) func namesAreFolded(mechanism: String) throws {
        let course = try #require(try play(mechanism, identity("ANA@Mi.Dominio"), users, clientBinding: binding(mechanism)))
        #expect(course.outcome == .succeeded(login: "ana@mi.dominio"))
    }

    @Test(arguments: ["PLAIN", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]) func nobodyActsForAnother(mechanism: String) throws {
        let users = SomeUsers(["luis@mi.dominio": "x"])
        var identity = identity()
        identity.authorization = "luis@mi.dominio"
        #expect(try play(mechanism, identity, users)?.outcome == .failed(.wrong))
        identity.authorization = "ana@mi.dominio"
        #expect(try play(mechanism, identity, users)?.outcome == .succeeded(login: "ana@mi.dominio"))
    }

    @Test func secondSignsAreCutOfDigestOnly() throws {
        #expect(try play("PLAIN", identity("ana@mi.dominio@mi.dominio"), users)?.outcome == .failed(.wrong))
        #expect(try play("SCRAM-SHA-256", identity("ana@mi.dominio@mi.dominio"), users)?.outcome == .failed(.wrong))
        #expect(users.asked.withLock { $0 }.contains("ana@mi.dominio@mi.dominio"))
    }

    // MARK: Channel binding

    @Test(arguments: ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]) func anotherChannelIsNotBound(mechanism: String) throws {
        var other = try #require(protected.binding)
        other.data[0] ^= 1
        let course = try play(mechanism, identity(), users, clientBinding: other)
        #expect(course.map { if case .failed = $0.outcome { true } else { false } } == true)
    }

    /// RFC 5802 §6: `y` says that the client could bind and thinks the server could not. Somebody took the -PLUS names away.
    @Test func downgradesAreSeen() throws {
        let server = try SASLLibrary.load().exchange(
            ExchangeTerms(service: "smtp", host: "mail.host", isProtected: true, tls: protected), users)
        let outcome = server.take(
            .begin(mechanism: "SCRAM-SHA-256", initial: Secret(Array("y,,n=ana@mi.dominio,r=abcdefgh".utf8))))
        #expect(outcome == .failed(.wrong) || outcome == .failed(.malformed), "\(outcome)")
    }

    @Test func withoutTLSNothingIsBound() throws {
        let server = try SASLLibrary.load().exchange(ExchangeTerms(service: "smtp", host: "mail.host", isProtected: true), users)
        let outcome = server.take(
            .begin(mechanism: "SCRAM-SHA-256-PLUS", initial: Secret(Array("p=tls-exporter,,n=ana@mi.dominio,r=abc".utf8))))
        #expect(outcome == .failed(.wrong) || outcome == .failed(.malformed), "\(outcome)")
    }

    // MARK: What comes from outside

    @Test func inTheClearNoPasswordIsShown() throws {
        let terms = ExchangeTerms(service: "smtp", host: "mail.host", isProtected: false)
        for mechanism in ["PLAIN", "LOGIN"] {
            let server = try SASLLibrary.load().exchange(terms, users)
            let outcome = server.take(.begin(mechanism: mechanism, initial: Secret(Array("\0ana@mi.dominio\0secreto".utf8))))
            #expect(outcome == .failed(.wrong) || outcome == .failed(.malformed), "\(outcome)")
        }
        #expect(users.asked.withLock { $0.isEmpty })
    }

    @Test(arguments: all + ["ANONYMOUS", "NTLM", "EXTERNAL", "GSSAPI", "", "X Y"]) func garbageEndsInAFailure(mechanism: String) throws {
        let messages: [[UInt8]] = [
            [], [0], [0, 0], Array("x".utf8), Array("\0\0\0".utf8), Array(repeating: 0, count: 5_000),
            Array(repeating: 0x2C, count: 12_288),
            Array("n,,n=,r=".utf8), Array("n,,m=x,n=a,r=b".utf8), Array("p=,,n=a,r=b".utf8), Array("username=\"".utf8),
            Array(repeating: 0xFF, count: 300), Array(repeating: 1, count: 20_000), (0...255).map { $0 },
        ]
        for message in messages {
            for initial in [nil, Secret(message)] {
                let server = try SASLLibrary.load().exchange(
                    ExchangeTerms(service: "smtp", host: "mail.host", isProtected: true, tls: protected), users)
                var outcome = server.take(.begin(mechanism: mechanism, initial: initial))
                var moves = 1
                while case .challenge = outcome, moves < 20 {
                    outcome = server.take(.response(Secret(message)))
                    moves += 1
                }
                let hasFailed = if case .failed = outcome { true } else { false }
                #expect(hasFailed, "\(mechanism) \(moves)")
                #expect(moves <= SASLExchange.stepLimit)
                // It is over.
                let after = server.take(.response(Secret(message)))
                #expect(after == .failed(.temporary) || after == .failed(.malformed))
            }
        }
    }

    @Test(arguments: all) func cancelledAndAbandoned(mechanism: String) throws {
        let terms = ExchangeTerms(service: "imap", host: "mail.host", isProtected: true, tls: protected)
        let server = try SASLLibrary.load().exchange(terms, users)
        _ = server.take(.begin(mechanism: mechanism, initial: nil))
        #expect(server.take(.cancel) == .failed(.cancelled))
        #expect(server.take(.cancel) == .failed(.cancelled))
        let abandoned = try SASLLibrary.load().exchange(terms, users)
        _ = abandoned.take(.begin(mechanism: mechanism, initial: nil))
    }

    @Test func twoBeginningsAreOneTooMany() throws {
        let server = try SASLLibrary.load().exchange(
            ExchangeTerms(service: "imap", host: "mail.host", isProtected: true), users)
        #expect(server.take(.begin(mechanism: "PLAIN", initial: nil)) == .challenge([]))
        #expect(server.take(.begin(mechanism: "PLAIN", initial: nil)) == .failed(.malformed))
    }

    /// What digest-md5 offers has no layers.
    @Test func noSecurityLayer() throws {
        let server = try SASLLibrary.load().exchange(
            ExchangeTerms(service: "imap", host: "mail.host", isProtected: true), users)
        guard case .challenge(let bytes) = server.take(.begin(mechanism: "DIGEST-MD5", initial: nil)) else {
            Issue.record("no challenge")
            return
        }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("qop=\"auth\""), "\(text)")
        #expect(text.contains("realm=\"mail.host\""), "\(text)")
    }

    @Test func eightThreads() async throws {
        let users = users
        let failures = await withTaskGroup(of: Int.self) { group in
            for thread in 0..<8 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        Thread.detachNewThread {
                            var failures = 0
                            for round in 0..<40 {
                                let mechanism = all[(thread + round) % all.count]
                                let isRight = round % 3 != 0
                                let course = try? play(
                                    mechanism, CyrusClient.Identity(name: "ana@mi.dominio", password: isRight ? "secreto" : "otro"), users,
                                    clientBinding: mechanism.hasSuffix("-PLUS") ? protected.binding : nil)
                                if course?.outcome != (isRight ? .succeeded(login: "ana@mi.dominio") : .failed(.wrong)) { failures += 1 }
                            }
                            continuation.resume(returning: failures)
                        }
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(failures == 0)
    }
}
