import DNS
import Foundation
import HTTPS
import Mail
import MailTesting
import Network
import Resolution
import SMTP
import Store
import TLS
import Testing

@testable import Flow
@testable import buzon

/// From signed zones to a handshake: libunbound's validation, RFC 7672's rules, libssl's verification.
@Suite(.serialized) struct DANEDeliveryTests {
    /// A leaf for mx.ta.signed.test with the root that signed it.
    private func chain() throws -> Certificate {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-dane-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let script = """
            openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -days 2 -subj /CN=root &&
            openssl req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=leaf &&
            printf "subjectAltName=DNS:mx.ta.signed.test,DNS:next.signed.test" > leaf.ext &&
            openssl x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem
            """
        try #require(system("cd '\(directory.path)' && (\(script)) > log 2>&1") == 0)
        func text(_ name: String) throws -> String { try String(contentsOf: directory.appendingPathComponent(name), encoding: .utf8) }
        return try Certificate(chainPEM: try text("leaf.pem") + text("root.pem"), keyPEM: try text("leaf.key"))
    }

    private func zones(_ port: Int, _ certificate: Certificate) throws -> [TestZone] {
        let key = Certificate.hexadecimal(certificate.publicKeyHash)
        let root = Certificate.hexadecimal(try #require(certificate.anchorKeyHash))
        let other = String(repeating: "ab", count: 32)
        func host(_ name: String, _ zone: String, _ records: String...) -> [String] {
            let mx = "mx.\(name).\(zone)"
            return ["\(name).\(zone) MX 10 \(mx)", "\(mx) A 127.0.0.1"] + records.map { "_\(port)._tcp.\(mx) TLSA \($0)" }
        }
        let signed = "signed.test."
        return [
            TestZone(
                signed,
                host("ee", signed, "3 1 1 \(key)") + host("two", signed, "3 1 1 \(other)", "3 1 1 \(key)")
                    + host("wrong", signed, "3 1 1 \(other)") + host("ta", signed, "2 1 1 \(root)")
                    // The certificate is not for mx.tb: DANE-TA proves the name, too.
                    + host("tb", signed, "2 1 1 \(root)") + host("unusable", signed, "1 1 1 \(other)") + host("none", signed)
                    + [
                        // The recipients' domain counts as a name as well, and where its CNAME led (RFC 7672 §3.2.2).
                        "next.signed.test. MX 10 mx.other.signed.test.", "mx.other.signed.test. A 127.0.0.1",
                        "_\(port)._tcp.mx.other.signed.test. TLSA 2 1 1 \(root)", "again.signed.test. CNAME next.signed.test.",
                        // The host is an alias: its records are where that leads.
                        "alias.signed.test. MX 10 mx.alias.signed.test.", "mx.alias.signed.test. CNAME mx.ee.signed.test.",
                        // No MX.
                        "bare.signed.test. A 127.0.0.1", "_\(port)._tcp.bare.signed.test. TLSA 3 1 1 \(key)",
                        "barewrong.signed.test. A 127.0.0.1", "_\(port)._tcp.barewrong.signed.test. TLSA 3 1 1 \(other)",
                        // The first host can't be known, the second one can.
                        "mixed.signed.test. MX 10 mx.forged.test.", "mixed.signed.test. MX 20 mx.ee.signed.test.",
                    ]),
            TestZone("plain.test.", isSigned: false, host("a", "plain.test.", "3 1 1 \(other)")),
            TestZone(
                "forged.test.", forgeries: ["3 1 1 \(other)": "3 1 1 \(key)"],
                ["forged.test. MX 10 mx.forged.test.", "mx.forged.test. A 127.0.0.1", "_\(port)._tcp.mx.forged.test. TLSA 3 1 1 \(other)"]),
        ]
    }

    private enum Outcome: Equatable {
        case verified(host: String)
        case encrypted(host: String)
        case setback(String)
    }

    @Test func asTheZonesSay() async throws {
        let certificate = try chain()
        let peer = try await TLSPeer(certificate, TLSPeer.mail)
        let served = try ZoneServer(zones(peer.port, certificate))
        var options = DNS.Options(forwarders: served.forwarder, trustAnchors: served.trustAnchor, localNames: "")
        options.trustAnchorFile = nil
        let resolver = try UnboundResolver(options)
        let scratch = try ScratchDirectory()
        let store = try await MailStore.open(directory: scratch.path + "/data")
        try await store.set(.outboundPort, to: String(peer.port))
        let results = TLSResults(store: store) { 1_000_000_000 }
        let policies = TransportPolicies(
            store: store, resolver: resolver, fetcher: HTTPSPolicyFetcher(resolver: resolver, client: HTTPSFetcher())
        ) { 1_000_000_000 }
        let client = try ClientContext()
        let dialer = OutboundDialer(loops: TLSPeer.loops, pool: TLSPeer.pool) { client }
        var context = OutboundContext(
            store: store, transport: OutboundTransport(dialer: dialer), resolver: resolver, workshop: Workshop(threads: 1),
            queueIDs: QueueIDs(), hostname: { "us.test" }, clock: { 1_000_000_000_000_000 }, words: { _, key, _ in key })
        context.security = PublishedSecurity(resolver: resolver, policies: policies, results: results) { .init(dane: true, sts: true) }
        let dial = Dialer(context)

        func outcome(_ domain: String) async -> Outcome {
            let message = QueuedMessage(
                id: 1, queueID: "Q", since: 0, created: 0, sender: "a@us.test", body: BodyReference(id: 1, length: 0), ret: nil,
                envelopeID: nil, smtpUTF8: false, login: "", requiresTLS: false, isEightBit: false, messageID: "", domain: domain,
                recipients: [])
            do throws(Setback) {
                let link = try await dial.open(for: message, through: nil, without: [])
                #expect(link.conversation.tls != nil, "\(domain)")
                let isVerified = link.conversation.isVerified
                await link.conversation.close()
                let host = String(link.name.prefix { $0 != " " })
                return isVerified ? .verified(host: host) : .encrypted(host: host)
            } catch {
                return .setback("\(error.status) \(Reason(stored: error.reason).key) \(error.detail)")
            }
        }

        let mismatch = "4.7.5 send.tls-failed no matching DANE TLSA records"
        let cases: [(String, Outcome)] = [
            ("ee.signed.test", .verified(host: "mx.ee.signed.test")), ("two.signed.test", .verified(host: "mx.two.signed.test")),
            ("ta.signed.test", .verified(host: "mx.ta.signed.test")), ("next.signed.test", .verified(host: "mx.other.signed.test")),
            ("again.signed.test", .verified(host: "mx.other.signed.test")), ("alias.signed.test", .verified(host: "mx.alias.signed.test")),
            ("bare.signed.test", .verified(host: "bare.signed.test")), ("mixed.signed.test", .verified(host: "mx.ee.signed.test")),
            ("wrong.signed.test", .setback(mismatch)), ("barewrong.signed.test", .setback(mismatch)),
            ("tb.signed.test", .setback("4.7.5 send.tls-failed hostname mismatch")),
            ("unusable.signed.test", .encrypted(host: "mx.unusable.signed.test")),
            ("none.signed.test", .encrypted(host: "mx.none.signed.test")), ("a.plain.test", .encrypted(host: "mx.a.plain.test")),
        ]
        for (domain, wanted) in cases { #expect(await outcome(domain) == wanted, "\(domain)") }
        // RFC 7672 §8.1: SNI asks for the base domain.
        #expect(peer.asked.contains("mx.ee.signed.test") && !peer.asked.contains("mx.alias.signed.test"))
        guard case .setback(let why) = await outcome("forged.test") else {
            Issue.record("a host with a forged record is used")
            return
        }
        #expect(why.hasPrefix("4.7.5 trace.tlsa-unknown ") && why.contains("forged.test"))
        // Without TLS a host that published usable records gets nothing; nor one whose records are unusable.
        await results.flush()
        let counted = try await store.tlsResults(day: 1_000_000_000 / 86_400)
        func sessions(_ domain: String, _ type: TLSResult.PolicyType, _ result: String) -> Int {
            counted.filter { $0.result.domain == domain && $0.result.policyType == type && $0.result.result == result }.map(\.sessions)
                .reduce(0, +)
        }
        #expect(sessions("ee.signed.test", .tlsa, "") == 1 && sessions("wrong.signed.test", .tlsa, "validation-failure") == 1)
        #expect(
            sessions("tb.signed.test", .tlsa, "certificate-host-mismatch") == 1 && sessions("forged.test", .tlsa, "dnssec-invalid") == 1)
        #expect(sessions("none.signed.test", .none, "") == 1 && sessions("a.plain.test", .none, "") == 1)
        await store.close()
        await peer.close()
        withExtendedLifetime(served) {}
    }
}
