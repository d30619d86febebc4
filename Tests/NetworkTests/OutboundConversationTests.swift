import Dialogue
import Foundation
import Resolution
import SMTP
import TLS
import Testing

@testable import Network

/// One after the other: the peers share a loop, and ten megabytes at one would hold up the clock of another.
@Suite(.serialized) struct OutboundConversationTests {
    static let message = OutgoingMessage(
        sender: "s@me.example", recipients: [.init(address: "a@peer.example"), .init(address: "b@peer.example")], size: 11)
    static let accepted = RecipientOutcome.accepted(Reply(250, "2.0.0", "Queued"), relaysDSN: false)

    static func content(_ text: String) -> OutboundContent {
        let bytes = Array(text.utf8)
        return OutboundContent(count: bytes.count) { offset, limit in Array(bytes[offset..<min(bytes.count, offset + limit)]) }
    }

    /// Two seconds for everything.
    static var hasty: SendingLimits {
        var limits = SendingLimits()
        (limits.banner, limits.command, limits.dataInitiation) = (.seconds(2), .seconds(2), .seconds(2))
        (limits.dataBlock, limits.dataTermination, limits.handshake) = (.seconds(2), .seconds(2), .seconds(2))
        return limits
    }

    static func connect(
        _ peer: ScriptedPeer, tls: SendingConfiguration.TLSUse = .whenOffered, proof: PeerProof = .nothing, roots: String? = nil,
        limits: SendingLimits = SendingLimits()
    ) async throws -> OutboundConversation {
        let context = try ClientContext(.init(rootsFile: roots))
        let dialer = OutboundDialer(loops: ScriptedPeer.loops, pool: ScriptedPeer.pool) { context }
        let target = OutboundTarget(
            address: "127.0.0.1", port: peer.port, host: "mx.peer.example", proof: proof,
            session: SendingConfiguration(hostname: "me.example", tls: tls, limits: limits))
        return try await dialer.connect(to: target)
    }

    @Test func severalMessagesInTheClear() async throws {
        let peer = try await ScriptedPeer(.init())
        let conversation = try await Self.connect(peer)
        #expect(await conversation.tls == nil)
        for _ in 0..<3 {
            #expect(conversation.isOpen)
            #expect(await conversation.send(Self.message, Self.content("Hello\r\n.\r\n")) == [Self.accepted, Self.accepted])
        }
        await conversation.close()
        await conversation.close()
        #expect(!conversation.isOpen)
        #expect(peer.text.components(separatedBy: "Hello\r\n..\r\n.\r\n").count == 4)
        #expect(peer.text.hasSuffix("QUIT\r\n"))
        // What is sent after the end breaks, for each.
        #expect(await conversation.send(Self.message, Self.content("x")).count == 2)
        await peer.close()
    }

    @Test(arguments: [true, false]) func largeContentArrivesWhole(_ isEncrypted: Bool) async throws {
        let certificate = isEncrypted ? try SelfSignedRequest(name: "mx.peer.example").make() : nil
        let peer = try await ScriptedPeer(.init(certificate: certificate))
        let conversation = try await Self.connect(peer)
        #expect(await conversation.tls != nil || !isEncrypted)
        let line = String(repeating: "x", count: 70) + "\r\n"
        let text = String(repeating: line, count: 100_000)
        #expect(await conversation.send(Self.message, Self.content(text)).first == Self.accepted)
        await conversation.close()
        #expect(peer.text.hasSuffix("DATA\r\n" + text + ".\r\nQUIT\r\n"))
        await peer.close()
    }

    @Test func startTLSAndImplicitTLS() async throws {
        let certificate = try SelfSignedRequest(name: "mx.peer.example").make()
        let peer = try await ScriptedPeer(.init(certificate: certificate))
        var conversation = try await Self.connect(peer, tls: .required)
        #expect(await conversation.tls?.version == "TLSv1.3")
        #expect(await !conversation.isVerified)
        #expect(await conversation.send(Self.message, Self.content("x")) == [Self.accepted, Self.accepted])
        await conversation.close()
        await peer.close()
        var script = ScriptedPeer.Script(certificate: certificate)
        script.isImplicit = true
        let other = try await ScriptedPeer(script)
        conversation = try await Self.connect(other, tls: .implicit)
        #expect(await conversation.send(Self.message, Self.content("x")) == [Self.accepted, Self.accepted])
        await conversation.close()
        await other.close()
    }

    @Test func theNextConnectionResumesTheSession() async throws {
        let peer = try await ScriptedPeer(.init(certificate: try SelfSignedRequest(name: "mx.peer.example").make()))
        let context = try ClientContext()
        let dialer = OutboundDialer(loops: ScriptedPeer.loops, pool: ScriptedPeer.pool) { context }
        let target = OutboundTarget(
            address: "127.0.0.1", port: peer.port, host: "mx.peer.example",
            session: SendingConfiguration(hostname: "me.example", tls: .required))
        for (number, isResumed) in [false, true, true, true, true].enumerated() {
            let conversation = try await dialer.connect(to: target)
            let facts = await conversation.tls
            #expect(facts?.isResumed == isResumed, "connection \(number)")
            #expect(await conversation.send(Self.message, Self.content("x")) == [Self.accepted, Self.accepted])
            await conversation.close()
        }
        await peer.close()
    }

    @Test func anotherFamilyAndAnotherSource() async throws {
        let context = try ClientContext()
        let dialer = OutboundDialer(loops: ScriptedPeer.loops, pool: ScriptedPeer.pool) { context }
        func connect(_ peer: ScriptedPeer, _ address: String, _ source: String?) async throws -> OutboundConversation {
            try await dialer.connect(
                to: OutboundTarget(
                    address: address, port: peer.port, source: source, host: "mx.peer.example",
                    session: SendingConfiguration(hostname: "me.example")))
        }
        let four = try await ScriptedPeer(.init())
        for source in [nil, "127.0.0.2", "127.0.0.99"] {
            let conversation = try await connect(four, "127.0.0.1", source)
            #expect(await conversation.send(Self.message, Self.content("x")) == [Self.accepted, Self.accepted])
            await conversation.close()
        }
        #expect(four.clients == ["127.0.0.1", "127.0.0.2", "127.0.0.99"])
        // An address that is not this machine's.
        let foreign = await failure { try await connect(four, "127.0.0.1", "192.0.2.1") }
        #expect(foreign == SendingFailure(.unreachable, .connection, "Cannot assign requested address"))
        await four.close()
        guard let six = try? await ScriptedPeer(.init(), host: "::1") else { return }
        for source in [nil, "::1"] {
            let conversation = try await connect(six, "::1", source)
            #expect(await conversation.send(Self.message, Self.content("x")) == [Self.accepted, Self.accepted])
            await conversation.close()
        }
        #expect(six.clients == ["::1", "::1"])
        await six.close()
    }

    // MARK: Proof

    private func failure(_ body: () async throws -> OutboundConversation) async -> SendingFailure? {
        do {
            let conversation = try await body()
            await conversation.close()
            return nil
        } catch {
            return error as? SendingFailure
        }
    }

    @Test func certificatesProveTheName() async throws {
        let good = try SelfSignedRequest(name: "mx.peer.example").make()
        var request = SelfSignedRequest(name: "mx.peer.example")
        request.days = -1
        let old = try request.make()
        // Apart: of two roots of one name the library takes the first.
        func file(_ certificate: Certificate) throws -> String {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
            try certificate.chainPEM.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        let roots = try file(good)
        let oldRoots = try file(old)
        defer { for path in [roots, oldRoots] { try? FileManager.default.removeItem(atPath: path) } }
        let peer = try await ScriptedPeer(.init(certificate: good))
        let expired = try await ScriptedPeer(.init(certificate: old))
        let proof = PeerProof.certificate(names: ["mx.peer.example"])

        let conversation = try await Self.connect(peer, tls: .required, proof: proof, roots: roots)
        #expect(await conversation.isVerified)
        await conversation.close()
        let mismatch = await failure { try await Self.connect(peer, proof: .certificate(names: ["other.example"]), roots: roots) }
        #expect(mismatch?.kind == .tlsFailed && mismatch?.stage == .startTLS && mismatch?.tlsResult == "certificate-host-mismatch")
        let unknown = await failure { try await Self.connect(peer, proof: proof) }
        #expect(unknown?.kind == .tlsFailed && unknown?.tlsResult == "certificate-not-trusted")
        let late = await failure { try await Self.connect(expired, proof: proof, roots: oldRoots) }
        #expect(late?.kind == .tlsFailed && late?.tlsResult == "certificate-expired")
        await peer.close()
        await expired.close()
    }

    @Test func recordsProveTheKey() async throws {
        let certificate = try SelfSignedRequest(name: "whatever.example").make()
        let peer = try await ScriptedPeer(.init(certificate: certificate))
        func dane(_ hash: [UInt8]) -> PeerProof {
            .dane([.init(usage: 3, selector: 1, matchingType: 1, data: hash)], names: ["mx.peer.example"])
        }
        let conversation = try await Self.connect(peer, tls: .required, proof: dane(certificate.publicKeyHash))
        #expect(await conversation.isVerified)
        #expect(await conversation.send(Self.message, Self.content("x")) == [Self.accepted, Self.accepted])
        await conversation.close()
        let wrong = await failure { try await Self.connect(peer, tls: .required, proof: dane([UInt8](repeating: 1, count: 32))) }
        #expect(wrong?.kind == .tlsFailed && wrong?.tlsResult == "validation-failure")
        let useless = await failure { try await Self.connect(peer, tls: .required, proof: dane([1])) }
        #expect(useless?.kind == .tlsFailed && useless?.tlsResult == "tlsa-invalid")
        #expect(!peer.text.contains("wrong") && peer.text.components(separatedBy: "MAIL").count == 2)
        await peer.close()
    }

    @Test func aPeerWithoutTLS() async throws {
        let peer = try await ScriptedPeer(.init())
        let missing = await failure { try await Self.connect(peer, tls: .required) }
        #expect(missing?.kind == .tlsUnavailable && missing?.tlsResult == "starttls-not-supported")
        await peer.close()
        // It agrees, and then says something else.
        let liar = try await ScriptedPeer(
            .init([("EHLO", .say("250-x\r\n250 STARTTLS\r\n")), ("STARTTLS", .say("220 Go\r\n250 or not\r\n"))]))
        let failed = await failure { try await Self.connect(liar, limits: Self.hasty) }
        #expect(failed?.kind == .tlsFailed)
        await liar.close()
    }

    // MARK: Peers that misbehave

    @Test func silenceAtEveryStageEnds() async throws {
        var script = ScriptedPeer.Script()
        script.banner = .hang
        let mute = try await ScriptedPeer(script)
        let banner = await failure { try await Self.connect(mute, limits: Self.hasty) }
        #expect(banner?.kind == .timedOut && banner?.stage == .banner)
        await mute.close()
        let greeting = try await ScriptedPeer(.init([("EHLO", .hang)]))
        let hung = await failure { try await Self.connect(greeting, limits: Self.hasty) }
        #expect(hung?.kind == .timedOut && hung?.stage == .greeting)
        await greeting.close()
        let handshake = try await ScriptedPeer(.init([("EHLO", .say("250-x\r\n250 STARTTLS\r\n")), ("STARTTLS", .say("220 Go\r\n"))]))
        let tls = await failure { try await Self.connect(handshake, limits: Self.hasty) }
        #expect(tls?.kind == .tlsFailed && tls?.stage == .startTLS)
        await handshake.close()
        for (command, stage) in [("MAIL", SendingStage.mail), ("RCPT", .recipient), ("DATA", .data)] {
            let peer = try await ScriptedPeer(.init([("EHLO", .say("250 x\r\n")), (command, .hang)]))
            let conversation = try await Self.connect(peer, limits: Self.hasty)
            let outcomes = await conversation.send(Self.message, Self.content("x"))
            guard case .broken(let failure) = outcomes.last else {
                Issue.record("\(outcomes)")
                return
            }
            #expect(failure.kind == .timedOut && failure.stage == stage && outcomes.count == 2)
            #expect(!conversation.isOpen)
            await peer.close()
        }
    }

    @Test func theEndOfDataIsUncertain() async throws {
        for (end, kind) in [(ScriptedPeer.Answer.close, SendingFailure.Kind.closed), (.hang, .timedOut)] {
            var script = ScriptedPeer.Script()
            script.end = end
            let peer = try await ScriptedPeer(script)
            let conversation = try await Self.connect(peer, limits: Self.hasty)
            let outcomes = await conversation.send(Self.message, Self.content("x"))
            guard case .broken(let failure) = outcomes.first else {
                Issue.record("\(outcomes)")
                return
            }
            #expect(failure.kind == kind && failure.stage == .content && outcomes.count == 2)
            #expect(!conversation.isOpen)
            await peer.close()
        }
    }

    @Test func tenMegabytesOfBanner() async throws {
        var script = ScriptedPeer.Script()
        script.banner = .say(String(repeating: "220-this is a very long banner\r\n", count: 320_000))
        let peer = try await ScriptedPeer(script)
        let garbage = await failure { try await Self.connect(peer) }
        #expect(garbage?.kind == .garbage && garbage?.stage == .banner)
        await peer.close()
    }

    @Test func nobodyThere() async throws {
        let context = try ClientContext()
        let dialer = OutboundDialer(loops: ScriptedPeer.loops, pool: ScriptedPeer.pool) { context }
        // The port of no server: one that was just closed may be another test's by now.
        let target = OutboundTarget(
            address: "127.0.0.1", port: 9, host: "mx.peer.example", session: SendingConfiguration(hostname: "me.example"))
        let refused = await failure { try await dialer.connect(to: target) }
        #expect(refused == SendingFailure(.unreachable, .connection, "Connection refused"))
    }

    @Test func contentThatCannotBeReadIsNotEnded() async throws {
        struct Broken: Error {}
        let peer = try await ScriptedPeer(.init())
        var conversation = try await Self.connect(peer)
        var outcomes = await conversation.send(Self.message, OutboundContent(count: 5) { _, _ in throw Broken() })
        guard case .broken = outcomes.first else {
            Issue.record("\(outcomes)")
            return
        }
        conversation = try await Self.connect(peer)
        outcomes = await conversation.send(Self.message, OutboundContent(count: 5) { offset, _ in offset == 0 ? [0x61] : [] })
        guard case .broken = outcomes.first else {
            Issue.record("\(outcomes)")
            return
        }
        await peer.close()
        #expect(!peer.text.contains("\r\n.\r\n"))
    }

    @Test func cancellingEndsAWait() async throws {
        let peer = try await ScriptedPeer(.init([("EHLO", .say("250 x\r\n")), ("MAIL", .hang)]))
        let conversation = try await Self.connect(peer)
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let outcomes = await conversation.send(Self.message, Self.content("x"))
                guard case .broken(let failure) = outcomes.first else {
                    Issue.record("\(outcomes)")
                    return
                }
                #expect(failure.kind == .closed)
            }
            try? await Task.sleep(for: .milliseconds(100))
            group.cancelAll()
        }
        #expect(ContinuousClock.now - start < .seconds(10))
        await peer.close()
    }
}
