import Foundation
import Resolution
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

@Suite struct PublishedSecurityTests {
    private final class Fetcher: PolicyFetcher {
        let text = Mutex<String?>(nil)
        let count = Atomic(0)

        func fetch(domain: String) async throws(PolicyFetchFailure) -> FetchedPolicy {
            count.add(1, ordering: .relaxed)
            guard let text = text.withLock({ $0 }) else { throw .other(reason: "404") }
            return FetchedPolicy(contentType: "text/plain", body: Array(text.utf8))
        }
    }

    private static let peer = Peer(
        domain: "a.test", host: "mx.a.test", port: 25, path: .exchange(domain: "a.test", canonical: "a.test", isSecure: false),
        addresses: DANE.Addresses(isSecure: false, canonicalName: "mx.a.test"))
    private static func text(_ mode: String, _ mx: String) -> String { "version: STSv1\nmode: \(mode)\nmx: \(mx)\nmax_age: 86400\n" }

    private func run(
        _ body: (PublishedSecurity, FakeResolver, Fetcher, () async throws -> [(result: TLSResult, sessions: Int)]) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-flow-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var options = MailStore.Options()
        options.keepsHouse = false
        let store = try await MailStore.open(directory: directory, options: options)
        let resolver = FakeResolver()
        let fetcher = Fetcher()
        let policies = TransportPolicies(store: store, resolver: resolver, fetcher: fetcher) { 1_000_000_000 }
        let results = TLSResults(store: store) { 1_000_000_000 }
        let security = PublishedSecurity(
            resolver: resolver, policies: policies, results: results, switches: { .init(dane: true, sts: true) })
        try await body(security, resolver, fetcher) {
            await results.flush()
            return try await store.tlsResults(day: 1_000_000_000 / 86_400)
        }
        await store.close()
    }

    private static func record(_ id: String) -> FakeResolver.Reply {
        let text = Array("v=STSv1; id=\(id)".utf8)
        return FakeResolver.Reply(outcome: .found([TXTRecord(wire: [UInt8(text.count)] + text)].compactMap { $0 }))
    }

    @Test func withoutARecordNothingIsFetched() async throws {
        try await run { security, _, fetcher, _ in
            #expect(await security.requirement(for: Self.peer) == .opportunistic)
            #expect(fetcher.count.load(ordering: .relaxed) == 0)
        }
    }

    @Test func anEnforcedPolicyAsksForACertificate() async throws {
        try await run { security, resolver, fetcher, _ in
            resolver.set("16 _mta-sts.a.test", Self.record("1"))
            fetcher.text.withLock { $0 = Self.text("enforce", "*.a.test") }
            #expect(await security.requirement(for: Self.peer) == .required(.certificate(names: ["mx.a.test"])))
            resolver.set("16 _mta-sts.a.test", Self.record("2"))
            fetcher.text.withLock { $0 = Self.text("testing", "*.a.test") }
            #expect(await security.requirement(for: Self.peer) == .tested(isListed: true))
        }
    }

    @Test func daneGoesFirst() async throws {
        try await run { security, resolver, fetcher, results in
            resolver.set("16 _mta-sts.a.test", Self.record("1"))
            fetcher.text.withLock { $0 = Self.text("enforce", "*.a.test") }
            let record = TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [UInt8](repeating: 7, count: 32))
            resolver.set("52 _25._tcp.mx.a.test", .init(outcome: .found([record])))
            var peer = Self.peer
            #expect(await security.requirement(for: peer) == .required(.certificate(names: ["mx.a.test"])))
            peer.path = .exchange(domain: "a.test", canonical: "b.test", isSecure: true)
            peer.addresses.isSecure = true
            guard case .required(.dane([record], let names)) = await security.requirement(for: peer) else {
                Issue.record("a secure TLSA record does not count")
                return
            }
            #expect(names == ["mx.a.test", "a.test", "b.test"])
            resolver.set("52 _25._tcp.mx.a.test", .init(outcome: .bogus))
            guard case .avoid = await security.requirement(for: peer) else {
                Issue.record("a host with a forged TLSA record is used")
                return
            }
            let counted = try await results()
            #expect(counted.map(\.result.result) == ["dnssec-invalid"])
        }
    }

    @Test func hostsThatThePolicyDoesNotName() async throws {
        try await run { security, resolver, fetcher, results in
            resolver.set("16 _mta-sts.a.test", Self.record("1"))
            fetcher.text.withLock { $0 = Self.text("enforce", "other.a.test") }
            guard case .avoid = await security.requirement(for: Self.peer) else {
                Issue.record("a host outside of the policy is used")
                return
            }
            let found = try await results()
            #expect(found.map(\.result.result) == ["validation-failure"] && found.first?.result.policyType == .sts)
        }
    }

    @Test func testingIsCountedAsItWouldHaveGone() async throws {
        try await run { security, resolver, fetcher, results in
            resolver.set("16 _mta-sts.a.test", Self.record("1"))
            fetcher.text.withLock { $0 = Self.text("testing", "mx.a.test") }
            let listed = await security.requirement(for: Self.peer)
            #expect(listed == .tested(isListed: true))
            await security.note(Self.peer, listed, nil)
            await security.note(
                Self.peer, listed, SendingFailure(.tlsFailed, .startTLS, "expired", tlsResult: "certificate-expired"))
            await security.note(Self.peer, listed, SendingFailure(.tlsUnavailable, .startTLS, "not offered"))
            var other = Self.peer
            other.host = "other.a.test"
            let unlisted = await security.requirement(for: other)
            #expect(unlisted == .tested(isListed: false))
            await security.note(other, unlisted, nil)
            let found = try await results().map { "\($0.result.policyType.rawValue) \($0.result.mx) \($0.result.result) \($0.sessions)" }
            #expect(
                found.sorted() == [
                    "sts mx.a.test  1", "sts mx.a.test certificate-expired 1", "sts mx.a.test starttls-not-supported 1",
                    "sts other.a.test validation-failure 1",
                ])
        }
    }

    @Test func anAddressHasNoPolicy() async throws {
        try await run { security, resolver, _, _ in
            var peer = Self.peer
            (peer.domain, peer.host, peer.path) = ("[192.0.2.1]", "192.0.2.1", .itself(isSecure: false))
            #expect(await security.requirement(for: peer) == .opportunistic)
            #expect(resolver.asked == [])
        }
    }

    @Test func resultsAreCounted() async throws {
        try await run { security, _, _, results in
            await security.note(Self.peer, .opportunistic, nil)
            await security.note(Self.peer, .opportunistic, nil)
            await security.note(Self.peer, .opportunistic, SendingFailure(.tlsFailed, .startTLS, "x", tlsResult: "certificate-expired"))
            // No matter of TLS.
            await security.note(Self.peer, .opportunistic, SendingFailure(.timedOut, .banner, "x"))
            let found = try await results().sorted { $0.result.result < $1.result.result }
            #expect(found.map(\.result.result) == ["", "certificate-expired"] && found.map(\.sessions) == [2, 1])
        }
    }
}
