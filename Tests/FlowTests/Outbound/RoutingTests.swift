import Mail
import Resolution
import SMTP
import Testing

@testable import Flow

struct RoutingTests {
    private func route(_ domain: String, _ zone: [String: ZoneTable.Entry], isOurs: [String] = []) async -> Result<[String], Setback> {
        let routing = Routing(
            resolver: ZoneTable(zone), hostname: "mail.virtual.test", isOurs: { address, _ in isOurs.contains("\(address)") },
            choose: { _ in 0 })
        do throws(Setback) {
            return .success(
                try await routing.hosts(of: domain).map { "\($0.name) \($0.addresses.map(\.description).joined(separator: " "))" })
        } catch {
            return .failure(error)
        }
    }

    private let zone: [String: ZoneTable.Entry] = [
        "b.test": .mx([(20, "mx2.b.test"), (10, "mx1.b.test"), (30, "mail.virtual.test"), (40, "mx4.b.test")]),
        "mx1.b.test": .a(["192.0.2.1"]), "mx2.b.test": .a(["192.0.2.2", "192.0.2.3"]), "mx4.b.test": .a(["192.0.2.4"]),
        "bare.test": .a(["192.0.2.5"]), "null.test": .mx([(0, "")]), "gone.test": .noName, "down.test": .failed,
        "loop.test": .mx([(10, "mail.virtual.test"), (20, "mx1.b.test")]), "dangling.test": .mx([(10, "gone.test")]),
        "half.test": .mx([(10, "down.test")]), "many.test": .mx((1...20).map { (UInt16($0), "mx1.b.test") }),
    ]

    @Test func byPreference() async throws {
        // We are among them at 30: what is not preferred to us is not used.
        #expect(try await route("b.test", zone).get() == ["mx1.b.test 192.0.2.1", "mx2.b.test 192.0.2.2 192.0.2.3"])
        #expect(try await route("bare.test", zone).get() == ["bare.test 192.0.2.5"])
        #expect(try await route("[192.0.2.7]", zone).get() == ["192.0.2.7 192.0.2.7"])
        #expect(try await route("[IPv6:2001:db8::1]", zone).get() == ["2001:db8::1 2001:db8::1"])
        #expect(try await route("many.test", zone).get().count == Routing.addressLimit)
    }

    @Test(arguments: [
        ("null.test", true, "5.1.10", "send.null-mx"), ("gone.test", true, "5.1.2", "send.no-such-domain"),
        ("down.test", false, "4.4.3", "send.dns"), ("loop.test", true, "5.4.6", "send.loop"),
        ("dangling.test", true, "5.4.4", "send.no-host"), ("half.test", false, "4.4.3", "send.dns"),
        ("nothing.test", true, "5.1.2", "send.no-such-domain"), ("[nada]", true, "5.1.2", "send.no-such-domain"),
    ])
    func noWay(_ domain: String, _ isPermanent: Bool, _ status: String, _ reason: String) async {
        guard case .failure(let setback) = await route(domain, zone) else {
            Issue.record("\(domain) has a way")
            return
        }
        #expect(setback.isPermanent == isPermanent && setback.status.description == status && setback.reason == reason)
    }

    @Test(arguments: [
        (Routing.Family.auto, false, ["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
        (.auto, true, ["2001:db8::1", "192.0.2.1", "192.0.2.2"]), (.ipv4, true, ["192.0.2.1", "192.0.2.2"]),
        (.ipv6, false, ["2001:db8::1"]),
        (.ipv6First, false, ["2001:db8::1", "192.0.2.1", "192.0.2.2"]),
    ])
    func whichFamilyComesFirst(_ family: Routing.Family, _ hasName: Bool, _ addresses: [String]) async throws {
        let routing = Routing(
            resolver: ZoneTable(["b.test": .host(["192.0.2.1", "192.0.2.2"], ["2001:db8::1"])]), hostname: "mail.virtual.test",
            family: family, hasNamedIPv6: { hasName })
        #expect(try await routing.hosts(of: "b.test").flatMap(\.addresses).map(\.description) == addresses)
    }

    @Test func hostsKnowWhereTheirAliasesLed() async throws {
        let routing = Routing(
            resolver: ZoneTable(["b.test": .host(["192.0.2.1"], [], canonical: "real.b.test")]), hostname: "mail.virtual.test")
        let host = try #require(try await routing.hosts(of: "b.test").first)
        #expect(host.name == "b.test" && host.path == .itself(isSecure: false))
        #expect(host.security == DANE.Addresses(isSecure: true, canonicalName: "real.b.test"))
        let own = Routing(resolver: ZoneTable(["b.test": .host(["192.0.2.1"], [], canonical: "us.test")]), hostname: "us.test")
        await #expect(throws: Setback.self) { try await own.hosts(of: "b.test") }
    }

    /// Whoever keeps the AAAA answer away must not make the A answer count as unsigned.
    @Test func aLookUpThatFailsMakesNothingInsecure() async throws {
        let records: [String: FakeResolver.Reply] = [
            "15 b.test": .init(outcome: .found([MXRecord(preference: 1, exchange: "mx.b.test")])),
            "1 mx.b.test": .init(outcome: .found([ARecord(wire: [192, 0, 2, 1])].compactMap { $0 })),
        ]
        for (outcome, isSecure, wanted) in [
            (FakeResolver.Reply.Outcome.failed, false, true), (.bogus, false, true), (.noData, false, false),
        ] {
            var records = records
            records["28 mx.b.test"] = .init(outcome: outcome, isSecure: isSecure)
            let hosts = try await Routing(resolver: FakeResolver(records), hostname: "us.test").hosts(of: "b.test")
            #expect(hosts.map(\.security.isSecure) == [wanted])
            #expect(hosts.map(\.path) == [.exchange(domain: "b.test", canonical: "b.test", isSecure: true)])
        }
    }

    @Test func ourselves() async {
        guard case .failure(let setback) = await route("bare.test", zone, isOurs: ["192.0.2.5"]) else {
            Issue.record("sent to ourselves")
            return
        }
        #expect(setback.status == "5.4.6" && setback.isPermanent)
    }
}
