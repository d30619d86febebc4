import Foundation
import Resolution
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

/// Answers from a table; everything else does not exist.
final class TableResolver: Resolver {
    struct Key: Hashable {
        var type: UInt16
        var name: String
    }

    private let answers = Mutex<[Key: (wire: [[UInt8]], isSecure: Bool, canonical: String)]>([:])
    private let failures = Mutex<Set<Key>>([])

    func set(_ type: UInt16, _ name: String, _ wire: [[UInt8]], isSecure: Bool = true, canonical: String = "") {
        answers.withLock { $0[Key(type: type, name: name)] = (wire, isSecure, canonical) }
    }

    func fail(_ type: UInt16, _ name: String) { failures.withLock { _ = $0.insert(Key(type: type, name: name)) } }

    func text(_ name: String, _ value: String) { set(TXTRecord.type, name, [[UInt8(value.utf8.count)] + Array(value.utf8)]) }

    func lookUp<Record: ResourceRecord>(_ type: Record.Type, _ name: String) async -> Lookup<Record> {
        let key = Key(type: Record.type, name: name)
        if failures.withLock({ $0.contains(key) }) { return Lookup(outcome: .failed(reason: "SERVFAIL"), canonicalName: name) }
        guard let answer = answers.withLock({ $0[key] }) else { return Lookup(outcome: .noName, isSecure: true, canonicalName: name) }
        let records = answer.wire.compactMap(Record.init(wire:))
        return Lookup(
            outcome: records.isEmpty ? .noData : .found(records), isSecure: answer.isSecure,
            canonicalName: answer.canonical.isEmpty ? name : answer.canonical, timeToLive: 60)
    }
}

@Suite struct STSPolicyTests {
    private func policy(_ text: String) -> STSPolicy? { STSPolicy(parsing: Array(text.utf8)) }

    @Test func theExampleOfTheRFC() throws {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n"
        let found = try #require(policy(text))
        #expect(found.mode == .enforce && found.maximumAge == 604_800)
        #expect(found.covers("mail.example.com") && found.covers("mx1.example.net"))
        #expect(!found.covers("example.net") && !found.covers("a.mx1.example.net") && !found.covers("mail.example.org"))
        #expect(!found.covers(".example.net"))
    }

    @Test(arguments: [
        "", "version: STSv2\nmode: enforce\nmx: a.b\nmax_age: 1\n", "version: STSv1\nmode: enforce\nmax_age: 1\n",
        "version: STSv1\nmode: strict\nmx: a.b\nmax_age: 1\n", "version: STSv1\nmode: enforce\nmx: a.b\n",
        "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: -1\n", "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 99999999999\n",
        "<html>404</html>", "version: STSv1\nmode: enforce\nmx\nmax_age: 1\n",
    ])
    func garbageIsNoPolicy(_ text: String) { #expect(policy(text) == nil) }

    @Test func detailsThatAreTolerated() throws {
        let found = try #require(policy("version:STSv1\nmode:testing\nx-new: y\n\nmx:\tMail.Example.com \nmax_age: 9999999999\nmode: none\n"))
        #expect(found.mode == .testing && found.maximumAge == STSPolicy.maximumAge && found.patterns == ["mail.example.com"])
        #expect(policy("version: STSv1\nmode: none\nmax_age: 1\n")?.mode == STSPolicy.Mode.none)
    }

    @Test(arguments: [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"), (["v=STSv1;id=a"], "a"), (["x", "v=STSv1; id=b"], "b"),
        (["v=STSv1; id=a", "v=STSv1; id=b"], nil), (["v=STSv1"], nil), (["v=STSv10; id=a"], nil), (["v=STSv1; id=a-b"], nil), ([], nil),
        (["v=STSv1; id="], nil), (["v=STSv1; id=123456789012345678901234567890123"], nil),
    ])
    func records(_ texts: [String], _ id: String?) { #expect(STSRecord.id(in: texts.map { Array($0.utf8) }) == id) }
}

@Suite struct DANETests {
    private let hash = [UInt8](repeating: 7, count: 32)
    private func tlsa(_ usage: UInt8, _ selector: UInt8, _ matching: UInt8, _ data: [UInt8]) -> [UInt8] { [usage, selector, matching] + data }

    private func decide(_ resolver: TableResolver, route: Bool = true, address: Bool = true) async -> DANEDecision {
        await DANE(resolver).decide(host: "mx.a.test", port: 25, domain: "a.test", isRouteSecure: route, isAddressSecure: address)
    }

    @Test func secureRecordsAuthenticate() async {
        let resolver = TableResolver()
        resolver.set(TLSARecord.type, "_25._tcp.mx.a.test", [tlsa(3, 1, 1, hash), tlsa(1, 1, 1, hash)])
        let record = TLSARecord(usage: 3, selector: 1, matchingType: 1, data: hash)
        #expect(await decide(resolver) == .authenticate([record], names: ["mx.a.test", "a.test"]))
        #expect(await decide(resolver, route: false) == .absent)
        #expect(await decide(resolver, address: false) == .absent)
    }

    @Test func whatDoesNotCount() async {
        let resolver = TableResolver()
        #expect(await decide(resolver) == .absent)
        resolver.set(TLSARecord.type, "_25._tcp.mx.a.test", [tlsa(3, 1, 1, hash)], isSecure: false)
        #expect(await decide(resolver) == .absent)
        // Usages 0 and 1, a hash of the wrong length, an unknown selector.
        resolver.set(
            TLSARecord.type, "_25._tcp.mx.a.test",
            [tlsa(0, 1, 1, hash), tlsa(1, 1, 1, hash), tlsa(3, 1, 1, [1, 2]), tlsa(3, 2, 1, hash), tlsa(3, 1, 3, hash)])
        #expect(await decide(resolver) == .encrypt)
        resolver.fail(TLSARecord.type, "_25._tcp.mx.a.test")
        #expect(await decide(resolver) == .unknown(reason: "SERVFAIL"))
    }

    @Test func theAliasCountsFirst() async {
        let resolver = TableResolver()
        resolver.set(ARecord.type, "mx.a.test", [[127, 0, 0, 1]], canonical: "real.b.test")
        resolver.set(TLSARecord.type, "_25._tcp.mx.a.test", [tlsa(3, 1, 1, hash)])
        #expect(
            await decide(resolver)
                == .authenticate([TLSARecord(usage: 3, selector: 1, matchingType: 1, data: hash)], names: ["mx.a.test", "a.test"]))
        let other = [UInt8](repeating: 9, count: 64)
        resolver.set(TLSARecord.type, "_25._tcp.real.b.test", [tlsa(2, 0, 2, other)])
        #expect(
            await decide(resolver)
                == .authenticate(
                    [TLSARecord(usage: 2, selector: 0, matchingType: 2, data: other)], names: ["real.b.test", "mx.a.test", "a.test"]))
    }
}

@Suite struct PublishedSecurityTests {
    private final class Fetcher: PolicyFetcher {
        let text = Mutex<String?>(nil)
        let count = Atomic(0)

        func policy(of domain: String) async throws(PolicyFetchFailure) -> [UInt8] {
            count.add(1, ordering: .relaxed)
            guard let text = text.withLock({ $0 }) else { throw PolicyFetchFailure("sts-policy-fetch-error", "404") }
            return Array(text.utf8)
        }
    }

    private static let peer = Peer(domain: "a.test", host: "mx.a.test", port: 25, isRouteSecure: false, isAddressSecure: false)
    private static func text(_ mode: String, _ mx: String) -> String { "version: STSv1\nmode: \(mode)\nmx: \(mx)\nmax_age: 86400\n" }

    private func run(
        _ body: (PublishedSecurity, TableResolver, Fetcher, MailStore, @escaping @Sendable (Int64) -> Void) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-flow-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var options = MailStore.Options()
        options.keepsHouse = false
        let store = try await MailStore.open(directory: directory, options: options)
        let resolver = TableResolver()
        let fetcher = Fetcher()
        let shared = Clock()
        let policies = STSPolicies(store, resolver, fetcher) { shared.now }
        let security = PublishedSecurity(
            store, resolver, policies, switches: { .init(dane: true, sts: true) }, clock: { shared.now })
        try await body(security, resolver, fetcher, store) { shared.advance($0) }
        await store.close()
    }

    private final class Clock: Sendable {
        private let time = Mutex<Int64>(1_000_000_000)
        var now: Int64 { time.withLock { $0 } }
        func advance(_ seconds: Int64) { time.withLock { $0 += seconds } }
    }

    @Test func withoutARecordNothingIsFetched() async throws {
        try await run { security, _, fetcher, _, _ in
            #expect(await security.requirement(for: Self.peer) == .opportunistic)
            #expect(fetcher.count.load(ordering: .relaxed) == 0)
        }
    }

    @Test func enforcedPoliciesAreKept() async throws {
        try await run { security, resolver, fetcher, store, advance in
            resolver.text("_mta-sts.a.test", "v=STSv1; id=1")
            fetcher.text.withLock { $0 = Self.text("enforce", "*.a.test") }
            #expect(await security.requirement(for: Self.peer) == .required(.certificate(names: ["mx.a.test"])))
            #expect(await security.requirement(for: Self.peer) == .required(.certificate(names: ["mx.a.test"])))
            #expect(fetcher.count.load(ordering: .relaxed) == 1)
            // The record is gone, or can't be had: the policy stays until its end.
            resolver.fail(TXTRecord.type, "_mta-sts.a.test")
            #expect(await security.requirement(for: Self.peer) == .required(.certificate(names: ["mx.a.test"])))
            advance(86_401)
            #expect(await security.requirement(for: Self.peer) == .opportunistic)
            #expect(try await store.stsPolicy(of: "a.test") != nil)
        }
    }

    @Test func aNewIdIsFetchedAndAFailureKeepsTheOld() async throws {
        try await run { security, resolver, fetcher, _, advance in
            resolver.text("_mta-sts.a.test", "v=STSv1; id=1")
            fetcher.text.withLock { $0 = Self.text("enforce", "mx.a.test") }
            _ = await security.requirement(for: Self.peer)
            resolver.text("_mta-sts.a.test", "v=STSv1; id=2")
            fetcher.text.withLock { $0 = nil }
            #expect(await security.requirement(for: Self.peer) == .required(.certificate(names: ["mx.a.test"])))
            #expect(await security.requirement(for: Self.peer) == .required(.certificate(names: ["mx.a.test"])))
            // The failure is remembered for a while.
            #expect(fetcher.count.load(ordering: .relaxed) == 2)
            advance(601)
            fetcher.text.withLock { $0 = Self.text("testing", "mx.a.test") }
            #expect(await security.requirement(for: Self.peer) == .opportunistic)
            #expect(fetcher.count.load(ordering: .relaxed) == 3)
        }
    }

    @Test func hostsThatThePolicyDoesNotName() async throws {
        try await run { security, resolver, fetcher, store, _ in
            resolver.text("_mta-sts.a.test", "v=STSv1; id=1")
            fetcher.text.withLock { $0 = Self.text("enforce", "other.a.test") }
            guard case .avoid = await security.requirement(for: Self.peer) else {
                Issue.record("a host outside of the policy is used")
                return
            }
            await security.flush()
            let results = try await store.tlsResults()
            #expect(results.map(\.result.result) == ["validation-failure"] && results.first?.result.policyType == "sts")
        }
    }

    @Test func resultsAreCounted() async throws {
        try await run { security, _, _, store, _ in
            await security.note(Self.peer, .opportunistic, nil)
            await security.note(Self.peer, .opportunistic, nil)
            await security.note(Self.peer, .opportunistic, SendingFailure(.tlsFailed, .startTLS, "x", tlsResult: "certificate-expired"))
            // No matter of TLS.
            await security.note(Self.peer, .opportunistic, SendingFailure(.timedOut, .banner, "x"))
            await security.flush()
            let results = try await store.tlsResults()
            #expect(results.map(\.result.result) == ["", "certificate-expired"] && results.map(\.sessions) == [2, 1])
        }
    }
}
