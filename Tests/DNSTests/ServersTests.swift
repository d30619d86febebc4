import Resolution
import Synchronization
import Testing

@testable import DNS

/// Servers that don't do as they should.
@Suite struct ServersTests {
    private func options(_ server: DatagramServer) -> Options {
        var options = Options(forwarders: "127.0.0.1@\(server.port)", trustAnchors: "", localNames: "")
        options.trustAnchorFile = nil
        return options
    }

    @Test func oneThatNeverAnswers() async throws {
        let server = DatagramServer { _ in nil }
        var options = options(server)
        options.timeLimit = .milliseconds(600)
        let resolver = try UnboundResolver(options)
        let begin = ContinuousClock.now
        #expect(await resolver.lookUp(ARecord.self, "mx.example").outcome == .failed(reason: "time-out"))
        let time = ContinuousClock.now - begin
        #expect(time >= .milliseconds(600), "\(time)")
        #expect(server.received > 0)
    }

    @Test func oneThatAnswersGarbage() async throws {
        let server = DatagramServer { query in
            // Now something else altogether, now the question's header with something behind it.
            query.count % 2 == 0 ? [UInt8](repeating: 0xC0, count: 300) : Array(query.prefix(12)) + [0xC0, 0x0C, 0xFF]
        }
        var options = options(server)
        options.timeLimit = .seconds(2)
        let resolver = try UnboundResolver(options)
        guard case .failed = await resolver.lookUp(ARecord.self, "mx.example").outcome else {
            Issue.record("found something in garbage")
            return
        }
        #expect(server.received > 0)
    }

    @Test func whoeverIsCancelledDoesNotWait() async throws {
        let server = DatagramServer { _ in nil }
        let resolver = try UnboundResolver(options(server))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { #expect(await resolver.lookUp(ARecord.self, "mx.example").outcome == .failed(reason: "cancelled")) }
            try? await Task.sleep(for: .milliseconds(100))
            group.cancelAll()
        }
    }

    /// 16 of 300 are asked at once, 284 wait for their turn, and all of them in vain.
    @Test func thoseThatWaitForTheirTurnTimeOutAsWell() async throws {
        let server = DatagramServer { _ in nil }
        var options = options(server)
        options.timeLimit = .milliseconds(500)
        options.concurrency = 16
        options.backlog = 300
        let resolver = try UnboundResolver(options)
        let reasons = await withTaskGroup(of: Lookup<ARecord>.Outcome.self) { group in
            for number in 0..<310 { group.addTask { await resolver.lookUp(ARecord.self, "mx\(number).example").outcome } }
            return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
        #expect(reasons == [.failed(reason: "time-out"): 300, .failed(reason: "too many look-ups"): 10])
        #expect(await resolver.lookUp(ARecord.self, "mx.example").outcome == .failed(reason: "time-out"), "there is room again")
    }

    @Test func lookUpsUnderWayEndWhereTheyBegan() async throws {
        let hasBegun = Mutex(false)
        let slow = DatagramServer { query in
            hasBegun.withLock { $0 = true }
            _ = query
            return nil
        }
        var options = options(slow)
        options.timeLimit = .milliseconds(1_500)
        let resolver = try UnboundResolver(options)
        async let old = resolver.lookUp(ARecord.self, "mx.example")
        for _ in 0..<200 where !hasBegun.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
        try resolver.configure(Options(forwarders: "127.0.0.1@9", trustAnchors: "", localNames: "mx.example. A 192.0.2.7"))
        #expect(await resolver.lookUp(ARecord.self, "mx.example").records.count == 1)
        #expect(await old.outcome == .failed(reason: "time-out"))
    }
}
