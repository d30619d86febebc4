import Foundation
import Resolution
import Store
import Synchronization
import Testing

@testable import Flow

private final class FakeFetcher: PolicyFetcher {
    let result: Mutex<Result<FetchedPolicy, PolicyFetchFailure>>
    let count = Mutex(0)

    init(_ text: String) { result = Mutex(.success(FetchedPolicy(contentType: "text/plain; charset=utf-8", body: Array(text.utf8)))) }

    func fetch(domain: String) async throws(PolicyFetchFailure) -> FetchedPolicy {
        count.withLock { $0 += 1 }
        await Task.yield()
        return try result.withLock { $0 }.get()
    }

    func set(_ value: Result<FetchedPolicy, PolicyFetchFailure>) { result.withLock { $0 = value } }
    func set(_ text: String) { set(.success(FetchedPolicy(contentType: "text/plain", body: Array(text.utf8)))) }
    var fetched: Int { count.withLock { $0 } }
}

@Suite struct TransportPoliciesTests {
    private static let enforce = "version: STSv1\nmode: enforce\nmx: *.example\nmax_age: 604800\n"

    /// All that a test needs, with a clock that it sets.
    private final class World {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-sts-\(UUID().uuidString)").path
        let resolver = FakeResolver()
        let fetcher = FakeFetcher(TransportPoliciesTests.enforce)
        let clock = Clock()
        var store: MailStore
        var policies: TransportPolicies

        init() async throws {
            var options = MailStore.Options()
            options.keepsHouse = false
            store = try await MailStore.open(directory: directory, options: options)
            policies = TransportPolicies(store: store, resolver: resolver, fetcher: fetcher, now: { [clock] in clock.now })
            publish("1")
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }

        func publish(_ id: String?) {
            resolver.set(
                "16 _mta-sts.example",
                id.flatMap { TXTRecord(wire: [UInt8("v=STSv1; id=\($0)".utf8.count)] + Array("v=STSv1; id=\($0)".utf8)) }
                    .map { FakeResolver.Reply(outcome: .found([$0])) })
        }

        func policy() async -> TransportPolicy { await policies.policy(for: "example") }

        func restart() async throws {
            await store.close()
            var options = MailStore.Options()
            options.keepsHouse = false
            store = try await MailStore.open(directory: directory, options: options)
            policies = TransportPolicies(store: store, resolver: resolver, fetcher: fetcher, now: { [clock] in clock.now })
        }
    }

    fileprivate final class Clock: Sendable {
        private let time = Mutex<Int64>(1_800_000_000)
        var now: Int64 { time.withLock { $0 } }
        func advance(_ seconds: Int64) { time.withLock { $0 += seconds } }
    }

    @Test func itIsFetchedOnceAndSurvivesARestart() async throws {
        let world = try await World()
        let policy = await world.policy()
        #expect(policy.rule == .enforce([try #require(MXPattern("*.example"))]))
        #expect(policy.names("mx.example") && !policy.names("mx.elsewhere"))
        #expect(policy.lines == ["version: STSv1", "mode: enforce", "mx: *.example", "max_age: 604800"])
        try await world.restart()
        #expect(await world.policy() == policy)
        #expect(world.fetcher.fetched == 1)
        await world.store.close()
    }

    @Test func anotherIdOrADayFetchAgain() async throws {
        let world = try await World()
        _ = await world.policy()
        world.fetcher.set("version: STSv1\nmode: testing\nmx: mx.example\nmax_age: 604800\n")
        world.publish("2")
        let testing = await world.policy()
        #expect(testing.rule == .testing([try #require(MXPattern("mx.example"))]))
        #expect(testing.names("mx.example") && !testing.names("mx.elsewhere"))
        #expect(world.fetcher.fetched == 2)
        world.clock.advance(86_399)
        _ = await world.policy()
        #expect(world.fetcher.fetched == 2)
        world.clock.advance(1)
        _ = await world.policy()
        #expect(world.fetcher.fetched == 3)
        await world.store.close()
    }

    @Test func whatIsKnownStaysUntilItExpires() async throws {
        let world = try await World()
        let policy = await world.policy()
        world.publish(nil)
        #expect(await world.policy() == policy, "without its TXT record")
        world.publish("2")
        world.fetcher.set(.failure(.other(reason: "unreachable")))
        #expect(await world.policy() == policy, "without an answer")
        world.fetcher.set("nonsense")
        world.clock.advance(301)
        #expect(await world.policy() == policy, "when what comes is none")
        world.clock.advance(604_800)
        #expect(await world.policy() == TransportPolicy(rule: .none, failure: .stsPolicyInvalid))
        world.publish(nil)
        #expect(await world.policy() == .none)
        await world.store.close()
    }

    @Test(arguments: [
        (Result<FetchedPolicy, PolicyFetchFailure>.failure(.certificate(reason: "expired")), TLSResultType.stsWebPKIInvalid),
        (.failure(.other(reason: "404")), .stsPolicyFetchError),
        (.success(FetchedPolicy(contentType: "text/html", body: Array(enforce.utf8))), .stsPolicyInvalid),
        (.success(FetchedPolicy(contentType: "text/plain", body: [])), .stsPolicyInvalid),
    ])
    func aFailureIsNotRepeatedForFiveMinutes(
        _ result: Result<FetchedPolicy, PolicyFetchFailure>, _ failure: TLSResultType
    ) async throws {
        let world = try await World()
        world.fetcher.set(result)
        for _ in 0..<3 { #expect(await world.policy() == TransportPolicy(rule: .none, failure: failure)) }
        world.clock.advance(299)
        _ = await world.policy()
        #expect(world.fetcher.fetched == 1)
        world.clock.advance(1)
        world.fetcher.set(Self.enforce)
        #expect(await world.policy().names("mx.elsewhere") == false)
        #expect(world.fetcher.fetched == 2)
        await world.store.close()
    }

    @Test func whoeverAsksMeanwhileWaits() async throws {
        let world = try await World()
        let policies = world.policies
        let answers = await withTaskGroup(of: TransportPolicy.self) { group in
            for _ in 0..<50 { group.addTask { await policies.policy(for: "example") } }
            return await group.reduce(into: Set<TransportPolicy>()) { $0.insert($1) }
        }
        #expect(answers.count == 1)
        #expect(world.fetcher.fetched == 1)
        #expect(await policies.policy(for: "other.example") == .none)
        await world.store.close()
    }

    @Test func whatIsUsedIsRefreshedWithoutMail() async throws {
        let world = try await World()
        let results = TLSResults(store: world.store, now: { [clock = world.clock] in clock.now })
        let policy = await world.policy()
        world.clock.advance(86_399)
        await world.policies.refresh()
        #expect(world.fetcher.fetched == 1, "it is young")
        world.clock.advance(1)
        await world.policies.refresh()
        #expect(world.fetcher.fetched == 1, "nobody sends there")
        await results.note(domain: "example", policyType: .sts, mx: "mx.example")
        await results.flush()
        await world.policies.refresh()
        #expect(world.fetcher.fetched == 2)
        await world.policies.refresh()
        #expect(world.fetcher.fetched == 2, "it is young again")
        // Without the DNS the policy host is asked all the same, and while it is silent the policy stays.
        world.clock.advance(86_400)
        world.resolver.set("16 _mta-sts.example", .init(outcome: .failed))
        world.fetcher.set(.failure(.other(reason: "silent")))
        await world.policies.refresh()
        #expect(world.fetcher.fetched == 3)
        #expect(await world.policy() == policy)
        // Nobody is asked for what has expired.
        world.clock.advance(604_800)
        await world.policies.refresh()
        #expect(world.fetcher.fetched == 3)
        #expect(await world.policy() == .none)
        await world.store.close()
    }

    @Test func manyAreRefreshedAtOnceAndNoneTwice() async throws {
        let world = try await World()
        for number in 0..<37 {
            let domain = "d\(number).example"
            let text = TXTRecord(wire: [13] + Array("v=STSv1; id=1".utf8))
            world.resolver.set("16 _mta-sts.\(domain)", text.map { .init(outcome: .found([$0])) })
            try await world.store.keep(
                CachedPolicy(
                    domain: domain, policyID: "1", policy: Self.enforce, fetched: world.clock.now - 90_000,
                    expires: world.clock.now + 90_000))
            try await world.store.add([
                TLSResult(day: world.clock.now / 86_400, domain: domain, policyType: .sts, policy: "", mx: "", result: "", detail: ""): 1
            ])
        }
        await world.policies.refresh()
        #expect(world.fetcher.fetched == 37)
        await world.policies.refresh()
        #expect(world.fetcher.fetched == 37)
        await world.store.close()
    }

    @Test func resultsAreAddedUp() async throws {
        let world = try await World()
        let results = TLSResults(store: world.store, now: { [clock = world.clock] in clock.now })
        for _ in 0..<3 { await results.note(domain: "example", policyType: .sts, policy: ["a", "b"], mx: "mx.example") }
        await results.flush()
        await results.note(domain: "example", policyType: .sts, policy: ["a", "b"], mx: "mx.example")
        await results.note(
            domain: "example", policyType: .sts, mx: "mx.example", .certificateExpired, detail: String(repeating: "x", count: 1_000))
        await results.flush()
        let rows = try await world.store.tlsResults(day: world.clock.now / 86_400)
        #expect(rows.map(\.sessions) == [4, 1])
        #expect(rows.map(\.result.result) == ["", "certificate-expired"])
        #expect(rows[0].result.policy == "a\nb" && rows[1].result.detail.utf8.count == 255)
        await world.store.close()
    }
}
