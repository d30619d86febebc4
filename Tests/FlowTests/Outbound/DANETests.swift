import Resolution
import Testing

@testable import Flow

private let good = TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [UInt8](repeating: 1, count: 32))
private let strong = TLSARecord(usage: 3, selector: 1, matchingType: 2, data: [UInt8](repeating: 1, count: 64))
private let anchor = TLSARecord(usage: 2, selector: 0, matchingType: 1, data: [UInt8](repeating: 2, count: 32))
private let full = TLSARecord(usage: 3, selector: 0, matchingType: 0, data: [1])
private let bad = [
    TLSARecord(usage: 0, selector: 1, matchingType: 1, data: [UInt8](repeating: 1, count: 32)),
    TLSARecord(usage: 1, selector: 1, matchingType: 1, data: [UInt8](repeating: 1, count: 32)),
    TLSARecord(usage: 3, selector: 2, matchingType: 1, data: [UInt8](repeating: 1, count: 32)),
    TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [UInt8](repeating: 1, count: 31)),
    TLSARecord(usage: 3, selector: 1, matchingType: 2, data: [UInt8](repeating: 1, count: 32)),
    TLSARecord(usage: 3, selector: 1, matchingType: 3, data: [UInt8](repeating: 1, count: 32)),
    TLSARecord(usage: 4, selector: 1, matchingType: 1, data: [UInt8](repeating: 1, count: 32)),
]

@Suite struct DANETests {
    private static let secure = DANE.Path.exchange(domain: "example", canonical: "example", isSecure: true)
    private static let host = "52 _25._tcp.mx.example"
    private static let canonical = "52 _25._tcp.real.example"

    private func find(
        _ replies: [String: FakeResolver.Reply], path: DANE.Path = secure, isSecure: Bool = true, canonicalName: String = "mx.example"
    ) async -> (DANE, [String]) {
        let resolver = FakeResolver(replies)
        let result = await DANE.find(
            host: "mx.example", path: path, addresses: DANE.Addresses(isSecure: isSecure, canonicalName: canonicalName), resolver: resolver)
        return (result, resolver.asked)
    }

    @Test(arguments: [
        ([good], [good]), ([good, strong], [strong]), ([anchor, strong], [anchor, strong]), ([full, good], [full, good]),
        ([good] + bad, [good]),
    ])
    func usable(_ records: [TLSARecord], _ usable: [TLSARecord]) async {
        let (result, asked) = await find([Self.host: .init(outcome: .found(records))])
        #expect(result == .usable(usable, names: ["mx.example", "example"]))
        #expect(asked == [Self.host])
    }

    @Test(arguments: bad)
    func unusable(_ record: TLSARecord) async {
        #expect(await find([Self.host: .init(outcome: .found([record]))]).0 == .unusable([record]))
    }

    @Test func absentOrUnknown() async {
        #expect(await find([:]).0 == .absent)
        #expect(await find([Self.host: .init(outcome: .noData)]).0 == .absent)
        #expect(await find([Self.host: .init(outcome: .found([good]), isSecure: false)]).0 == .absent)
        #expect(await find([Self.host: .init(outcome: .bogus)]).0 == .unknown(reason: "forged", isBogus: true))
        #expect(await find([Self.host: .init(outcome: .failed)]).0 == .unknown(reason: "SERVFAIL", isBogus: false))
    }

    @Test func nothingIsAskedWhereNothingIsSecure() async {
        let replies = [Self.host: FakeResolver.Reply(outcome: .found([good]))]
        for path in [DANE.Path.exchange(domain: "example", canonical: "example", isSecure: false), .itself(isSecure: false)] {
            let (result, asked) = await find(replies, path: path)
            #expect(result == .absent && asked.isEmpty)
        }
        let (result, asked) = await find(replies, isSecure: false)
        #expect(result == .absent && asked.isEmpty)
    }

    @Test func whereAliasesLedToComesFirst() async {
        var replies = [Self.host: FakeResolver.Reply(outcome: .found([good])), Self.canonical: .init(outcome: .found([strong]))]
        #expect(await find(replies, canonicalName: "real.example").0 == .usable([strong], names: ["real.example", "example"]))
        replies[Self.canonical] = .init(outcome: .noData)
        let (result, asked) = await find(replies, canonicalName: "real.example")
        #expect(result == .usable([good], names: ["mx.example", "example"]))
        #expect(asked == [Self.canonical, Self.host])
        replies[Self.canonical] = .init(outcome: .failed)
        #expect(await find(replies, canonicalName: "real.example").0 == .unknown(reason: "SERVFAIL", isBogus: false))
    }

    @Test func anAliasIntoAnUnsignedZone() async {
        var replies = [
            Self.host: FakeResolver.Reply(outcome: .found([good])),
            "5 mx.example": .init(outcome: .found([CNAMERecord(name: "real.example")])),
        ]
        let (result, asked) = await find(replies, isSecure: false, canonicalName: "real.example")
        #expect(result == .usable([good], names: ["mx.example", "example"]))
        #expect(asked == ["5 mx.example", Self.host])
        replies["5 mx.example"]?.isSecure = false
        #expect(await find(replies, isSecure: false, canonicalName: "real.example").0 == .absent)
        replies["5 mx.example"] = .init(outcome: .bogus)
        #expect(await find(replies, isSecure: false, canonicalName: "real.example").0 == .unknown(reason: "forged", isBogus: true))
    }

    @Test func namesThatLedThere() async {
        let replies = [Self.host: FakeResolver.Reply(outcome: .found([anchor])), Self.canonical: .init(outcome: .found([anchor]))]
        let path = DANE.Path.exchange(domain: "example", canonical: "other.example", isSecure: true)
        #expect(await find(replies, path: path).0 == .usable([anchor], names: ["mx.example", "example", "other.example"]))
        #expect(
            await find(replies, path: .itself(isSecure: true), canonicalName: "real.example").0
                == .usable([anchor], names: ["real.example", "mx.example"]))
    }
}
