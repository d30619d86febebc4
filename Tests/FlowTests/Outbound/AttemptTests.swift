import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

/// RFC 5321 §5.1: who was refused for now is offered to the next host.
@Suite(.serialized) struct AttemptTests {
    private static let zone: [String: ZoneTable.Entry] = [
        "b.test": .mx([(10, "mx1.b.test"), (20, "mx2.b.test"), (30, "mx3.b.test"), (40, "mx4.b.test")]),
        "mx1.b.test": .a(["192.0.2.1"]), "mx2.b.test": .a(["192.0.2.2"]), "mx3.b.test": .a(["192.0.2.3"]), "mx4.b.test": .a(["192.0.2.4"]),
    ]

    private static let later = Reply(450, "4.2.0", "later")
    private static let never = Reply(550, "5.1.1", "never")
    private static let taken = RecipientOutcome.accepted(Reply(250, "2.0.0", "Ok"), relaysDSN: true)

    @Test func theNextHostIsAskedForThoseWhoWerePutOff() async throws {
        let asked = Mutex<[String]>([])
        let network = FakeNetwork(answer: { host, message in
            asked.withLock { $0.append(host + " " + message.recipients.map { String($0.address.prefix(2)) }.joined(separator: ",")) }
            return message.recipients.map { recipient in
                switch (host, recipient.address) {
                case ("mx1.b.test", "a1@b.test"): Self.taken
                case ("mx1.b.test", "a2@b.test"): .refused(Self.never, .recipient)
                case ("mx2.b.test", "a3@b.test"): Self.taken
                case ("mx2.b.test", "a4@b.test"): .refused(Self.never, .recipient)
                case ("mx3.b.test", _): .refused(Reply(451, "4.3.0", "third"), .recipient)
                default: .refused(Self.later, .recipient)
                }
            }
        })
        let outside = try await Outside(network, Self.zone)
        try await outside.queue("Q", to: (1...5).map { .init(address: "a\($0)@b.test") })
        #expect(try await outside.run { try await outside.store.queue().first?.recipients.first?.state.attempts == 1 })
        // Three hosts, and no more.
        #expect(asked.withLock { $0 } == ["mx1.b.test a1,a2,a3,a4,a5", "mx2.b.test a3,a4,a5", "mx3.b.test a5"])
        let entry = try #require(try await outside.store.queue().first)
        #expect(entry.recipients.map(\.address) == ["a5@b.test"])
        #expect(entry.recipients[0].state.reply == "451 4.3.0 third" && entry.recipients[0].state.host == "mx3.b.test [192.0.2.3]")
        #expect(try await outside.inbox().first?.contains("Final-Recipient: rfc822; a4@b.test\r\n") == true)
        await outside.store.close()
    }

    /// The connection to the first host serves the messages that follow.
    @Test func theFirstHostStaysTheFirst() async throws {
        let hosts = Mutex<[String]>([])
        let network = FakeNetwork(answer: { host, message in
            hosts.withLock { $0.append(host) }
            return message.recipients.map {
                host == "mx1.b.test" && $0.address == "no@b.test" ? .refused(Self.later, .recipient) : Self.taken
            }
        })
        let outside = try await Outside(network, Self.zone)
        try await outside.store.set(.destinationConcurrency, to: "1")
        try await outside.queue("Q1", to: [.init(address: "no@b.test")])
        for index in 0..<3 { try await outside.queue("R\(index)", to: [.init(address: "yes@b.test")]) }
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(hosts.withLock { $0 } == ["mx1.b.test", "mx2.b.test", "mx1.b.test", "mx1.b.test", "mx1.b.test"])
        #expect(network.state.withLock { $0.connections } == 2)
        await outside.store.close()
    }

    @Test func aHostThatIsNotThereDoesNotHideAnAnswer() async throws {
        let network = FakeNetwork(
            refuse: { $0.host == "mx1.b.test" ? nil : SendingFailure(.unreachable, .connection, "refused") },
            answer: { _, message in message.recipients.map { _ in .refused(Self.later, .mail) } })
        let outside = try await Outside(network, Self.zone)
        try await outside.queue("Q", to: [.init(address: "a@b.test")])
        #expect(try await outside.run { try await outside.store.queue().first?.recipients.first?.state.attempts == 1 })
        let state = try #require(try await outside.store.queue().first?.recipients.first?.state)
        #expect(state.reply == "450 4.2.0 later" && state.host == "mx1.b.test [192.0.2.1]")
        await outside.store.close()
    }

    /// RFC 5321 §4.5.3.1.10: a host that takes fewer at once gets the rest at once, too.
    @Test func tooManyForOneTransaction() async throws {
        let network = FakeNetwork(answer: { _, message in
            message.recipients.enumerated().map { $0.offset < 2 ? Self.taken : .refused(Reply(452, "4.5.3", "Too many"), .recipient) }
        })
        let outside = try await Outside(network, Self.zone)
        try await outside.queue("Q", to: (1...5).map { .init(address: "a\($0)@b.test") })
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(network.delivered.map(\.recipients.count) == [2, 2, 1] && network.state.withLock { $0.connections } == 1)
        await outside.store.close()
    }

    /// A conversation that broke after the content is not repeated elsewhere: it may have been taken.
    @Test func whatMayHaveBeenTakenIsNotSentAgainAtOnce() async throws {
        let hosts = Mutex<[String]>([])
        let network = FakeNetwork(answer: { host, message in
            hosts.withLock { $0.append(host) }
            return message.recipients.map { _ in .broken(SendingFailure(.closed, .content, "closed")) }
        })
        let outside = try await Outside(network, Self.zone)
        try await outside.queue("Q", to: [.init(address: "a@b.test")])
        #expect(try await outside.run { try await outside.store.queue().first?.recipients.first?.state.attempts == 1 })
        #expect(hosts.withLock { $0 } == ["mx1.b.test"])
        await outside.store.close()
    }

    @Test func slowedDownOnlyWhereNobodyElseTookIt() async throws {
        let network = FakeNetwork(answer: { host, message in
            message.recipients.map { _ in host == "mx1.b.test" ? .refused(Reply(421, "4.7.0", "slow"), .mail) : Self.taken }
        })
        let outside = try await Outside(network, Self.zone)
        for index in 0..<4 { try await outside.queue("Q\(index)", to: [.init(address: "a@b.test")]) }
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(network.delivered.allSatisfy { $0.host == "mx2.b.test" })
        await outside.store.close()
    }
}
