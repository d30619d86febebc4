import Flow
import Foundation
import HTTPS
import Mail
import Resolution
import TLS
import Testing

@testable import buzon

/// Names by type, for these tests.
private struct Table: Resolver {
    var addresses: [String: [String]] = [:]
    var names: Set<String> = []

    func lookUp<Record: ResourceRecord>(_ type: Record.Type, _ name: String) async -> Lookup<Record> {
        if type == PTRRecord.self, names.contains(name) {
            let found = [Record(wire: [1, 0x61, 0])].compactMap { $0 }
            return Lookup(outcome: found.isEmpty ? .noData : .found(found))
        }
        let size = type == ARecord.self ? 4 : type == AAAARecord.self ? 16 : 0
        let found = (addresses[name] ?? []).compactMap { IPAddress($0) }.filter { $0.bytes.count == size }.compactMap {
            Record(wire: $0.bytes)
        }
        return Lookup(outcome: found.isEmpty ? .noData : .found(found), canonicalName: name)
    }
}

@Suite struct HTTPSPolicyFetcherTests {
    private static let policy = "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 86400\r\n"

    private func answer(_ body: String, status: String = "200 OK", type: String = "text/plain; charset=utf-8") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }

    private func fetch(
        _ answers: TLSPeer.Answers, name: String = "mta-sts.a.test", trusted: Bool = true, addresses: [String] = ["127.0.0.1"]
    ) async throws -> Result<FetchedPolicy, PolicyFetchFailure> {
        let certificate = try SelfSignedRequest(name: name).make()
        let peer = try await TLSPeer(certificate, answers, isImplicit: true, closes: true)
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try certificate.chainPEM.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let fetcher = HTTPSPolicyFetcher(
            resolver: Table(addresses: ["mta-sts.a.test": addresses]), client: HTTPSFetcher(extraRoots: trusted ? path : nil),
            port: peer.port)
        let result: Result<FetchedPolicy, PolicyFetchFailure>
        do throws(PolicyFetchFailure) { result = .success(try await fetcher.fetch(domain: "a.test")) } catch { result = .failure(error) }
        await peer.close()
        return result
    }

    private func isOther(_ result: Result<FetchedPolicy, PolicyFetchFailure>, _ word: String) -> Bool {
        if case .failure(.other(let reason)) = result { reason.contains(word) } else { false }
    }

    @Test func thePolicyComesAsItIs() async throws {
        let place = "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.a.test"
        let found = try await fetch([(place, answer(Self.policy))]).get()
        #expect(found == FetchedPolicy(contentType: "text/plain; charset=utf-8", body: Array(Self.policy.utf8)))
        // Where the name leads, the first address that answers.
        let second = try await fetch([("GET", answer(Self.policy))], addresses: ["127.0.0.7", "127.0.0.1"]).get()
        #expect(second.body == Array(Self.policy.utf8))
    }

    @Test func certificates() async throws {
        for (name, isTrusted, word) in [("mta-sts.a.test", false, "untrusted"), ("mta-sts.b.test", true, "otherName")] {
            let result = try await fetch([("GET", answer(Self.policy))], name: name, trusted: isTrusted)
            #expect(result == .failure(.certificate(reason: word)))
        }
    }

    @Test func whatIsNone() async throws {
        #expect(isOther(try await fetch([("GET", answer("", status: "404 Not Found"))]), "404"))
        let moved = "HTTP/1.1 301 Moved\r\nLocation: https://mta-sts.a.test/x\r\nContent-Length: 0\r\n\r\n"
        #expect(isOther(try await fetch([("GET /.well", moved), ("GET /x", answer(Self.policy))]), "301"))
        #expect(isOther(try await fetch([("GET", answer(String(repeating: "x", count: 65_537)))]), "tooLarge"))
        #expect(isOther(try await fetch([("GET", "no HTTP at all\r\n")]), "unreachable"))
        #expect(isOther(try await fetch([], addresses: []), "no address"))
    }
}

@Suite struct NamedIPv6Tests {
    private static let global = "2001:db8::25"
    private static let reverse = "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"

    @Test(arguments: [
        ([global], true), (["192.0.2.1", global], true), (["2001:db8::26", global], true), (["2001:db8::26"], false), ([], false),
        (["fe80::25"], false), (["::1"], false), (["192.0.2.1"], false),
    ])
    func whetherItHasAName(_ addresses: [String], _ isNamed: Bool) async {
        #expect(IPAddress(Self.global).map(NamedIPv6.reverseName) == Self.reverse)
        let everything = addresses.compactMap { IPAddress($0) }
        var names: Set = [Self.reverse]
        for address in everything where "\(address)".hasPrefix("fe80") { names.insert(NamedIPv6.reverseName(address)) }
        let named = NamedIPv6(Table(names: names)) { everything }
        #expect(await named.value == isNamed)
        #expect(await named.value == isNamed)
    }
}
