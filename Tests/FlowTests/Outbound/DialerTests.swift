import Dialogue
import Mail
import Resolution
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

@Suite(.serialized) struct DialerTests {
    private static let tls = TLSFacts(version: "TLSv1.3", cipher: "x", bits: 256)
    private static let zone: [String: ZoneTable.Entry] = [
        "b.test": .mx([(10, "mx1.b.test"), (20, "mx2.b.test")]), "mx1.b.test": .a(["192.0.2.1"]), "mx2.b.test": .a(["192.0.2.2"]),
        "bare.test": .host(["192.0.2.3"], ["2001:db8::3"]),
    ]

    /// Security that says one thing of every host, and remembers what it was told.
    private final class Told: PeerSecurity {
        let says: PeerRequirement
        let notes = Mutex<[String]>([])
        init(_ says: PeerRequirement) { self.says = says }
        func requirement(for peer: Peer) async -> PeerRequirement { says }
        func note(_ peer: Peer, _ requirement: PeerRequirement, _ failure: SendingFailure?) async {
            notes.withLock { $0.append("\(peer.host) \(failure.map { "\($0.kind)" } ?? "ok")") }
        }
    }

    private func message(_ domain: String, requiresTLS: Bool, sender: String = "yo@virtual.test") -> QueuedMessage {
        QueuedMessage(
            id: 1, queueID: "Q", since: 0, created: 0, sender: sender, body: BodyReference(id: 1, length: 0), ret: nil, envelopeID: nil,
            smtpUTF8: false, login: "", requiresTLS: requiresTLS, isEightBit: false, messageID: "", domain: domain, recipients: [])
    }

    private func open(
        _ network: FakeNetwork, _ security: Told, domain: String = "b.test", requiresTLS: Bool = true, sender: String = "yo@virtual.test",
        _ settings: [(Setting, String)] = []
    ) async throws -> Result<String, Setback> {
        let outside = try await Outside(network, Self.zone)
        for (setting, value) in settings { try await outside.store.set(setting, to: value) }
        var context = outside.context
        context.security = security
        let result: Result<String, Setback>
        do throws(Setback) {
            let message = message(domain, requiresTLS: requiresTLS, sender: sender)
            result = .success(try await Dialer(context).open(for: message, through: nil, without: []).name)
        } catch {
            result = .failure(error)
        }
        await outside.store.close()
        return result
    }

    private func setback(_ result: Result<String, Setback>) -> String {
        switch result {
        case .success(let name): name
        case .failure(let setback): "\(setback.isPermanent ? "never" : "later") \(setback.status) \(setback.reason)"
        }
    }

    // MARK: REQUIRETLS, RFC 8689 §4.2.1

    @Test func theHostThatTakesItIsFound() async throws {
        let network = FakeNetwork(facts: { .init(tls: Self.tls, isVerified: true, takesRequireTLS: $0.host == "mx2.b.test") })
        let found = try await open(network, Told(.required(.certificate(names: ["x"]))))
        #expect(setback(found) == "mx2.b.test [192.0.2.2]")
        #expect(network.state.withLock { $0.open["mx1.b.test"] } == 0, "the first one is left")
    }

    @Test func whereNoHostCanItComesBack() async throws {
        let without = FakeNetwork(facts: { _ in .init(tls: Self.tls, isVerified: true) })
        #expect(setback(try await open(without, Told(.tested(isListed: true)))) == "never 5.7.30 send.no-require-tls")
        let clear = FakeNetwork(refuse: { _ in SendingFailure(.tlsUnavailable, .startTLS, "not offered") })
        #expect(setback(try await open(clear, Told(.tested(isListed: true)))) == "never 5.7.10 send.tls-unavailable")
        let untrusted = FakeNetwork(refuse: { _ in SendingFailure(.tlsFailed, .startTLS, "self-signed") })
        #expect(setback(try await open(untrusted, Told(.tested(isListed: true)))) == "never 5.7.10 send.tls-failed")
        // Any other message waits for better times, or leaves in the clear.
        #expect(setback(try await open(untrusted, Told(.required(.nothing)), requiresTLS: false)) == "later 4.7.5 send.tls-failed")
    }

    @Test(arguments: ["mx1.b.test", "mx2.b.test"]) func whileOneIsNotThereItWaits(_ absent: String) async throws {
        let network = FakeNetwork(
            refuse: { $0.host == absent ? SendingFailure(.unreachable, .connection, "refused") : nil },
            facts: { _ in .init(tls: Self.tls, isVerified: true) })
        #expect(setback(try await open(network, Told(.tested(isListed: true)))) == "later 4.4.1 send.unreachable")
    }

    @Test func theNameOfTheHostNeedsProof() async throws {
        let network = FakeNetwork(facts: { _ in .init(tls: Self.tls, isVerified: true, takesRequireTLS: true) })
        for says in [PeerRequirement.opportunistic, .tested(isListed: false), .required(.nothing)] {
            #expect(setback(try await open(network, Told(says))) == "never 5.7.10 send.host-unproven")
        }
        #expect(network.state.withLock { $0.hops.isEmpty })
        // Without MX there is no name in between.
        #expect(setback(try await open(network, Told(.opportunistic), domain: "bare.test")) == "bare.test [192.0.2.3]")
        #expect(network.state.withLock { $0.hops.map(\.proof) } == [.certificate(names: ["bare.test"])])
        #expect(network.state.withLock { $0.hops.map(\.session.tls) } == [.required])
    }

    /// RFC 8689 §5.
    @Test func aReportIsNotLostForWantOfIt() async throws {
        #expect(setback(try await open(FakeNetwork(), Told(.opportunistic), sender: "")) == "mx1.b.test [192.0.2.1]")
    }

    // MARK: Smarthosts

    @Test func policiesOfASmarthost() async throws {
        let dane = PeerProof.dane([TLSARecord(usage: 3, selector: 1, matchingType: 1, data: [1])], names: ["bare.test"])
        let cases: [(Smarthost.Encryption, PeerRequirement, SendingConfiguration.TLSUse, PeerProof)] = [
            (.offered, .opportunistic, .whenOffered, .nothing), (.offered, .required(dane), .required, dane),
            (.required, .opportunistic, .required, .nothing),
            (.required, .tested(isListed: true), .required, .wished(names: ["bare.test"])),
            // What the administrator has said goes first.
            (.never, .required(dane), .never, .nothing), (.verified, .required(dane), .required, .certificate(names: ["bare.test"])),
            (.implicit, .required(dane), .implicit, .certificate(names: ["bare.test"])),
        ]
        for (encryption, says, tls, proof) in cases {
            let network = FakeNetwork()
            let outside = try await Outside(network, Self.zone)
            var context = outside.context
            context.security = Told(says)
            let smarthost = Smarthost(domain: "", host: "bare.test", port: 587, tls: encryption)
            _ = try await Dialer(context).open(for: message("b.test", requiresTLS: false), through: smarthost, without: [])
            let hop = try #require(network.state.withLock { $0.hops.first })
            #expect(hop.session.tls == tls && hop.proof == proof && hop.port == 587, "\(encryption) \(says)")
            await outside.store.close()
        }
    }

    /// Who stands in the way and hides the offer of encryption does not get the password.
    @Test func aPasswordDoesNotLeaveInTheClear() async throws {
        let network = FakeNetwork()
        let outside = try await Outside(network, Self.zone)
        let smarthost = Smarthost(
            domain: "", host: "bare.test", port: 587, tls: .offered, user: "yo", password: Array("clave".utf8))
        _ = try await Dialer(outside.context).open(for: message("b.test", requiresTLS: false), through: smarthost, without: [])
        let hop = try #require(network.state.withLock { $0.hops.first })
        #expect(hop.session.tls == .required && hop.session.login != nil)
        await outside.store.close()
    }

    // MARK: What is recorded

    @Test func testingHindersNothingAndIsTold() async throws {
        let lacking = FakeNetwork(facts: { _ in
            .init(tls: Self.tls, shortfall: SendingFailure(.tlsFailed, .startTLS, "self-signed", tlsResult: "certificate-not-trusted"))
        })
        var security = Told(.tested(isListed: true))
        #expect(setback(try await open(lacking, security, requiresTLS: false)) == "mx1.b.test [192.0.2.1]")
        #expect(security.notes.withLock { $0 } == ["mx1.b.test tlsFailed"])
        #expect(lacking.state.withLock { $0.hops.map(\.proof) } == [.wished(names: ["mx1.b.test"])])
        security = Told(.tested(isListed: true))
        #expect(setback(try await open(FakeNetwork(), security, requiresTLS: false)) == "mx1.b.test [192.0.2.1]")
        #expect(security.notes.withLock { $0 } == ["mx1.b.test tlsUnavailable"])
    }

    @Test func aHostToBeAvoidedSaysWhy() async throws {
        let result = try await open(
            FakeNetwork(), Told(.avoid(Reason("trace.sts-host", ["host": "h", "domain": "d"]), detail: "not named")), requiresTLS: false)
        guard case .failure(let setback) = result else {
            Issue.record("it was used")
            return
        }
        #expect(!setback.isPermanent && setback.line == "not named")
        #expect(Reason(stored: setback.reason) == Reason("trace.sts-host", ["host": "h", "domain": "d"]))
    }

    // MARK: Addresses

    @Test func theSourceIsOfTheFamily() async throws {
        for (source, sources) in [("192.0.2.77", ["192.0.2.77", nil]), ("2001:db8::77", [nil, "2001:db8::77"]), ("", [nil, nil])] {
            let network = FakeNetwork(refuse: { _ in SendingFailure(.unreachable, .connection, "no") })
            let result = try await open(
                network, Told(.opportunistic), domain: "bare.test", requiresTLS: false, [(.outboundAddress, source)])
            #expect(setback(result) == "later 4.4.1 send.unreachable")
            #expect(network.state.withLock { $0.hops.map { $0.source?.description } } == sources)
            #expect(network.state.withLock { $0.hops.map(\.address.description) } == ["192.0.2.3", "2001:db8::3"])
        }
    }
}
