import MailTesting
import Resolution
import Testing

@testable import DNS

@Suite(.serialized) struct SignedZonesTests {
    private static let digest = String(repeating: "ab", count: 32)

    private static func zones() -> [TestZone] {
        [
            TestZone(
                "signed.test.",
                [
                    "signed.test. MX 10 mx.signed.test.", "signed.test. MX 20 alias.signed.test.", "mx.signed.test. A 192.0.2.1",
                    "mx.signed.test. AAAA 2001:db8::1", "_25._tcp.mx.signed.test. TLSA 3 1 1 \(digest)",
                    "long.signed.test. TXT \"\(String(repeating: "a", count: 255))\" \"\(String(repeating: "b", count: 200))\"",
                    "two.signed.test. TXT one", "two.signed.test. TXT other",
                    "alias.signed.test. CNAME mx.signed.test.", "out.signed.test. CNAME mx.plain.test.",
                    "nowhere.signed.test. CNAME absent.signed.test.", "loop.signed.test. CNAME pool.signed.test.",
                    "pool.signed.test. CNAME loop.signed.test.",
                ]
                    + (0..<40).map { "chain\($0).signed.test. CNAME chain\($0 + 1).signed.test." } + ["chain40.signed.test. A 192.0.2.9"]
                    + (0..<1_000).map { "host\($0).signed.test. A 192.0.\($0 / 256).\($0 % 256)" }),
            TestZone("plain.test.", isSigned: false, ["plain.test. MX 10 mx.plain.test.", "mx.plain.test. A 192.0.2.2"]),
            TestZone(
                "forged.test.", forgeries: ["192.0.2.3": "192.0.2.66"],
                ["mx.forged.test. A 192.0.2.3", "good.forged.test. A 192.0.2.4", "forged.test. MX 10 mx.forged.test."]),
        ]
    }

    private func served() throws -> (ZoneServer, UnboundResolver) {
        let server = try ZoneServer(Self.zones())
        var options = Options(forwarders: server.forwarder, trustAnchors: server.trustAnchor, localNames: "")
        options.trustAnchorFile = nil
        return (server, try UnboundResolver(options))
    }

    @Test func whatIsSignedIsSecure() async throws {
        let (server, resolver) = try served()
        let mx = await resolver.lookUp(MXRecord.self, "signed.test")
        #expect(mx.isSecure)
        #expect(mx.timeToLive > 0 && mx.timeToLive <= 300)
        #expect(Set(mx.records.map(\.exchange)) == ["mx.signed.test", "alias.signed.test"])
        let tlsa = await resolver.lookUp(TLSARecord.self, "_25._tcp.mx.signed.test")
        #expect(tlsa.isSecure && tlsa.records.first?.data == [UInt8](repeating: 0xAB, count: 32))
        #expect(await resolver.lookUp(AAAARecord.self, "mx.signed.test").isSecure)
        let long = await resolver.lookUp(TXTRecord.self, "long.signed.test")
        #expect(long.records.map(\.bytes) == [[UInt8](repeating: 0x61, count: 255) + [UInt8](repeating: 0x62, count: 200)])
        #expect(await resolver.lookUp(TXTRecord.self, "two.signed.test").records.count == 2)
        withExtendedLifetime(server) {}
    }

    @Test func absenceIsProvenToo() async throws {
        let (server, resolver) = try served()
        let noName = await resolver.lookUp(ARecord.self, "absent.signed.test")
        #expect(noName.outcome == .noName && noName.isSecure)
        let noData = await resolver.lookUp(TLSARecord.self, "mx.signed.test")
        #expect(noData.outcome == .noData && noData.isSecure)
        let nowhere = await resolver.lookUp(ARecord.self, "nowhere.signed.test")
        #expect(nowhere.outcome == .noName && nowhere.isSecure)
        withExtendedLifetime(server) {}
    }

    @Test func whatIsNotSignedIsNotSecure() async throws {
        let (server, resolver) = try served()
        let found = await resolver.lookUp(ARecord.self, "mx.plain.test")
        #expect(found.records.map(\.bytes) == [[192, 0, 2, 2]] && !found.isSecure)
        let absent = await resolver.lookUp(ARecord.self, "absent.plain.test")
        #expect(absent.outcome == .noName && !absent.isSecure)
        let out = await resolver.lookUp(ARecord.self, "out.signed.test")
        #expect(out.records.count == 1 && !out.isSecure && out.canonicalName == "mx.plain.test")
        withExtendedLifetime(server) {}
    }

    @Test func aliasesAreFollowedSoFar() async throws {
        let (server, resolver) = try served()
        let alias = await resolver.lookUp(ARecord.self, "Alias.signed.test")
        #expect(alias.records.map(\.bytes) == [[192, 0, 2, 1]] && alias.isSecure)
        #expect(alias.canonicalName == "mx.signed.test")
        let noData = await resolver.lookUp(TXTRecord.self, "alias.signed.test")
        #expect(noData.outcome == .noData && noData.isSecure)
        for name in ["loop.signed.test", "chain0.signed.test"] {
            guard case .failed = await resolver.lookUp(ARecord.self, name).outcome else {
                Issue.record("\(name) was followed to its end")
                continue
            }
        }
        #expect(await resolver.lookUp(ARecord.self, "chain35.signed.test").records.map(\.bytes) == [[192, 0, 2, 9]])
        withExtendedLifetime(server) {}
    }

    @Test func forgedAnswersAreBogus() async throws {
        let (server, resolver) = try served()
        let forged = await resolver.lookUp(ARecord.self, "mx.forged.test")
        guard case .bogus(let reason) = forged.outcome else {
            Issue.record("\(forged)")
            return
        }
        #expect(reason.contains("mx.forged.test"), "\(reason)")
        #expect(!forged.isSecure && forged.records.isEmpty)
        #expect(await resolver.lookUp(ARecord.self, "good.forged.test").isSecure)
        withExtendedLifetime(server) {}
    }

    @Test func aThousandAtOnce() async throws {
        let (server, resolver) = try served()
        let found = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<1_000 {
                group.addTask {
                    let lookup = await resolver.lookUp(ARecord.self, "host\(number).signed.test")
                    return lookup.isSecure && lookup.records.map(\.bytes) == [[192, 0, UInt8(number / 256), UInt8(number % 256)]]
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(found == 1_000)
        withExtendedLifetime(server) {}
    }
}
