import Resolution
import Testing

@testable import DNS

@Suite struct LocalNamesTests {
    private func resolver(_ names: String) throws -> UnboundResolver {
        try UnboundResolver(Options(forwarders: "127.0.0.1@9", trustAnchors: "", localNames: ". static;" + names))
    }

    @Test func recordsOfOurs() async throws {
        let resolver = try resolver(
            """
            example. MX 10 mx.example.; example. MX 5 Other.example.; mx.example. A 192.0.2.1; mx.example. AAAA 2001:db8::1;
            1.2.0.192.in-addr.arpa. PTR mx.example.; _mta-sts.example. TXT "v=STSv1; id=1;"; _25._tcp.mx.example. TLSA 3 1 1 \(digest)
            """)
        let mx = await resolver.lookUp(MXRecord.self, "Example")
        #expect(Set(mx.records) == [MXRecord(preference: 10, exchange: "mx.example"), MXRecord(preference: 5, exchange: "other.example")])
        #expect(!mx.isSecure)
        #expect(mx.canonicalName == "example")
        #expect(await resolver.lookUp(ARecord.self, "mx.example").records.map(\.bytes) == [[192, 0, 2, 1]])
        #expect(await resolver.lookUp(AAAARecord.self, "mx.example").records.count == 1)
        #expect(await resolver.lookUp(PTRRecord.self, "1.2.0.192.in-addr.arpa").records.map(\.name) == ["mx.example"])
        #expect(await resolver.lookUp(TXTRecord.self, "_mta-sts.example").records.map(\.bytes) == [Array("v=STSv1; id=1;".utf8)])
        let tlsa = await resolver.lookUp(TLSARecord.self, "_25._tcp.mx.example")
        #expect(tlsa.records == [TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [UInt8](repeating: 0xAB, count: 32))])
        #expect(!tlsa.isSecure, "what we made up is never secure")
        #expect(await resolver.lookUp(TXTRecord.self, "mx.example").outcome == .noData)
        #expect(await resolver.lookUp(ARecord.self, "nobody.example").outcome == .noName)
        #expect(await resolver.lookUp(ARecord.self, "elsewhere.test").outcome == .noName, "nothing leaves")
    }

    private let digest = String(repeating: "ab", count: 32)

    @Test func namesThatCannotBeAreNotAsked() async throws {
        let resolver = try resolver("example. A 192.0.2.1")
        #expect(await resolver.lookUp(ARecord.self, "a b.example").outcome == .noName)
        #expect(await resolver.lookUp(ARecord.self, "").outcome == .noName)
        #expect(await resolver.lookUp(ARecord.self, "example.").records.count == 1)
    }

    @Test func changedOptionsCountAtOnceAndBadOnesChangeNothing() async throws {
        let resolver = try resolver("example. A 192.0.2.1")
        #expect(await resolver.lookUp(ARecord.self, "example").records.map(\.bytes) == [[192, 0, 2, 1]])
        try resolver.configure(Options(forwarders: "127.0.0.1@9", trustAnchors: "", localNames: ". static; example. A 192.0.2.2"))
        #expect(await resolver.lookUp(ARecord.self, "example").records.map(\.bytes) == [[192, 0, 2, 2]])
        #expect(throws: OptionsFailure.self) {
            try resolver.configure(Options(forwarders: "nonsense", trustAnchors: "", localNames: ""))
        }
        #expect(await resolver.lookUp(ARecord.self, "example").records.map(\.bytes) == [[192, 0, 2, 2]])
    }
}
