import Mail
import Resolution
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

@Suite(.serialized) struct OutboundQueueTests {
    @Test func deliversOverOneConnection() async throws {
        let outside = try await Outside(FakeNetwork())
        for index in 0..<40 { try await outside.queue("Q\(index)", to: [.init(address: "a\(index)@b.test")]) }
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(outside.network.delivered.count == 40)
        #expect(outside.network.delivered.first?.content == "Subject: hola\r\n\r\nHola\r\n")
        // Three, and what 40 successes add: sqrt(3² + 2 * 40).
        #expect(outside.network.state.withLock { $0.connections } <= 10)
        #expect(try await outside.store.trace("a1@b.test").map(\.event) == ["sent"])
        #expect(try await outside.store.verify().problems == [])
        await outside.store.close()
    }

    @Test func refusedForNowComesAgainByTheClock() async throws {
        let tries = Mutex(0)
        let network = FakeNetwork(answer: { _, message in
            tries.withLock { $0 += 1 }
            return message.recipients.map { _ in .refused(Reply(450, "4.2.0", "Greylisted"), .recipient) }
        })
        let outside = try await Outside(network)
        try await outside.queue("Q", to: [.init(address: "a@b.test")])
        #expect(try await outside.run { try await outside.store.queue().first?.recipients.first?.state.attempts == 1 })
        let state = try #require(try await outside.store.queue().first?.recipients.first?.state)
        #expect(state.due == outside.clock.seconds.load(ordering: .relaxed) + 120 && state.code == 450)
        #expect(state.reply == "450 4.2.0 Greylisted" && state.reason == "advice.greylisted" && state.host == "mx.b.test [192.0.2.1]")
        // Not before its time, and again in its time.
        #expect(
            try await outside.run {
                try await Task.sleep(for: .milliseconds(300)); return tries.withLock { $0 } == 1
            })
        outside.clock.advance(121)
        #expect(try await outside.run { try await outside.store.queue().first?.recipients.first?.state.attempts == 2 })
        // The delay is told once, after four hours.
        outside.clock.advance(4 * 3_600)
        #expect(try await outside.run { try await outside.store.queue().first?.recipients.first?.state.attempts == 3 })
        let warning = try #require(try await outside.inbox().first)
        #expect(
            warning.contains("Action: delayed\r\n") && warning.contains("Will-Retry-Until: ") && warning.contains("report.subject.delayed"))
        // After five days it is given up, with the last answer.
        outside.clock.advance(5 * 86_400)
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        let inbox = try await outside.inbox()
        #expect(
            inbox.count == 2 && inbox[1].contains("Status: 5.4.7\r\n")
                && inbox[1].contains("Diagnostic-Code: smtp; 450 4.2.0 Greylisted\r\n"))
        #expect(try await outside.store.trace("Q").map(\.event) == ["deferred", "bounced"])
        await outside.store.close()
    }

    @Test func refusedForGoodIsTold() async throws {
        let network = FakeNetwork(answer: { _, message in
            message.recipients.map {
                $0.address.hasPrefix("no")
                    ? .refused(Reply(550, "5.1.1", "No such user"), .recipient) : .accepted(Reply(250, "2.0.0", "Ok"), relaysDSN: false)
            }
        })
        let outside = try await Outside(network)
        try await outside.queue(
            "Q",
            to: [
                .init(address: "no@b.test", originalType: "rfc822", originalAddress: "no@orig.test"),
                .init(address: "si@b.test", notify: 1),
                .init(address: "no2@b.test", notify: 0),
            ])
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        let report = try #require(try await outside.inbox().first)
        #expect(report.hasPrefix("Return-Path: <>\r\nDelivered-To: yo@virtual.test\r\n"))
        for part in [
            "Original-Recipient: rfc822; no@orig.test\r\nFinal-Recipient: rfc822; no@b.test\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.b.test\r\nDiagnostic-Code: smtp; 550 5.1.1 No such user\r\n",
            "Final-Recipient: rfc822; si@b.test\r\nAction: relayed\r\n",
            "Content-Type: message/rfc822\r\n\r\nSubject: hola\r\n\r\nHola\r\n",
            "Auto-Submitted: auto-replied\r\n",
        ] { #expect(report.contains(part), "\(part)\n\(report)") }
        #expect(!report.contains("no2@b.test"))
        await outside.store.close()
    }

    @Test func reportsOnReportsAreNotMade() async throws {
        let outside = try await Outside(
            FakeNetwork(answer: { _, message in
                message.recipients.map { _ in .refused(Reply(550, "5.1.1", "No"), .recipient) }
            }))
        try await outside.queue("Q1", to: [.init(address: "a@b.test")], sender: "")
        // To a foreign sender the report is queued, and ends there.
        try await outside.queue("Q2", to: [.init(address: "a@b.test")], sender: "x@b.test", ret: "HDRS")
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(try await outside.inbox().isEmpty)
        #expect(try await outside.store.trace("x@b.test").map(\.event).sorted() == ["bounced", "bounced", "queued"])
        await outside.store.close()
    }

    @Test func aDeadDestinationIsPutOffAsAWhole() async throws {
        let network = FakeNetwork(refuse: { _ in SendingFailure(.unreachable, .connection, "refused") })
        let outside = try await Outside(network)
        for index in 0..<300 { try await outside.queue("Q\(index)", to: [.init(address: "a@b.test")]) }
        #expect(
            try await outside.run { try await outside.store.queue().allSatisfy { $0.recipients.allSatisfy { $0.state.attempts >= 1 } } })
        #expect(network.state.withLock { $0.hops.count } <= 6)
        let entries = try await outside.store.queue()
        #expect(entries.count == 300 && entries.allSatisfy { $0.recipients[0].state.reason == "send.unreachable" })
        // Asked for, it is tried at once.
        let before = network.state.withLock { $0.hops.count }
        try await outside.store.change(.retry, .message("Q7"))
        #expect(try await outside.run { network.state.withLock { $0.hops.count } > before })
        await outside.store.close()
    }

    @Test func whatIsHeldIsNotSent() async throws {
        let outside = try await Outside(FakeNetwork(delay: .milliseconds(30)))
        try await outside.store.set(.destinationConcurrency, to: "1")
        for index in 0..<40 { try await outside.queue("Q\(index)", to: [.init(address: "a@b.test")]) }
        let running = Task { await outside.queue.run() }
        while outside.network.delivered.count < 3 { try await Task.sleep(for: .milliseconds(5)) }
        try await outside.store.change(.hold, .all)
        let sent = outside.network.delivered.count
        try await Task.sleep(for: .milliseconds(600))
        #expect(outside.network.delivered.count <= sent + 3)
        running.cancel()
        await running.value
        await outside.store.close()
    }

    @Test func whatIsUnderWayIsFinished() async throws {
        let outside = try await Outside(FakeNetwork(delay: .milliseconds(300)))
        try await outside.store.set(.destinationConcurrency, to: "1")
        for index in 0..<3 { try await outside.queue("Q\(index)", to: [.init(address: "a@b.test")]) }
        let running = Task { await outside.queue.run() }
        while outside.queue.activity.workers == 0 { try await Task.sleep(for: .milliseconds(5)) }
        await outside.queue.finish(grace: .seconds(10))
        running.cancel()
        await running.value
        #expect(outside.network.delivered.count == 1)
        #expect(try await outside.store.queue().count == 2)
        await outside.store.close()
    }

    /// The peer has not refused anything: the message is due as before.
    @Test func whatIsBrokenOffWasNoAttempt() async throws {
        let network = FakeNetwork(
            delay: .seconds(20),
            answer: { _, message in
                message.recipients.map { _ in .broken(SendingFailure(.closed, .mail, "sending was cancelled")) }
            })
        let outside = try await Outside(network)
        try await outside.queue("Q1", to: [.init(address: "a@b.test")])
        let running = Task { await outside.queue.run() }
        while network.state.withLock({ $0.connections }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
        running.cancel()
        await running.value
        let state = try await outside.store.queue().first?.recipients.first?.state
        #expect(state == QueueState())
        await outside.store.close()
    }

    /// A damaged disk: the sender hears of it, though not what he wrote.
    @Test func aReportOnWhatCanNotBeRead() async throws {
        struct Damaged: ContentSource {
            var count: Int { 1_000 }
            func read(at offset: Int, limit: Int) async throws -> [UInt8] { throw StoreFailure.ioError("too short") }
        }
        let outside = try await Outside(FakeNetwork())
        let told = DeliveryReport.Recipient(
            address: "a@b.test", originalType: nil, originalAddress: nil, forwardedFor: nil, action: .failed, status: "5.1.1",
            host: "mx.b.test", reply: nil, detail: "", reason: "", lastAttempt: 0)
        let report = try await outside.queue.context.dispatch.report(
            on: .init(queueID: "Q1", sender: "yo@virtual.test", arrival: 0, smtpUTF8: false, content: Damaged()), [told])
        #expect(report?.recipients.count == 1)
        await outside.store.close()
    }

    @Test func concurrencyGrowsWithSuccess() async throws {
        let network = FakeNetwork(delay: .milliseconds(5))
        let outside = try await Outside(network)
        try await outside.store.set(.destinationConcurrency, to: "10")
        for index in 0..<300 { try await outside.queue("Q\(index)", to: [.init(address: "a\(index)@b.test")]) }
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        let most = network.state.withLock { $0.mostOpen["mx.b.test"] ?? 0 }
        #expect(most > 3 && most <= 10)
        await outside.store.close()
    }

    @Test func forwardedMailLeavesInOurName() async throws {
        let outside = try await Outside(FakeNetwork())
        try await outside.queue(
            "Q", to: [.init(address: "a@b.test", forwardedFor: "yo@virtual.test"), .init(address: "c@b.test")], sender: "ana@lejos.test")
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        let delivered = outside.network.delivered
        #expect(delivered.count == 2)
        let rewritten = try #require(delivered.first { $0.recipients == ["a@b.test"] }?.sender)
        #expect(rewritten.hasPrefix("SRS0=") && rewritten.hasSuffix("=lejos.test=ana@virtual.test"))
        #expect(delivered.first { $0.recipients == ["c@b.test"] }?.sender == "ana@lejos.test")
        await outside.store.close()
    }

    @Test func releasedToMailboxesHere() async throws {
        let outside = try await Outside(FakeNetwork())
        let due = outside.clock.seconds.load(ordering: .relaxed) + 500
        try await outside.queue("Q", to: [.init(address: "yo@virtual.test")], due: due)
        #expect(
            try await outside.run {
                try await Task.sleep(for: .milliseconds(300)); return try await outside.inbox().isEmpty
            })
        outside.clock.advance(501)
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(try await outside.inbox().first?.hasSuffix("Subject: hola\r\n\r\nHola\r\n") == true)
        #expect(outside.network.delivered.isEmpty)
        #expect(try await outside.store.verify(deep: true).problems == [])
        await outside.store.close()
    }

    /// RFC 3461 §5.2.3, of what waited: told when it is there, in the same transaction, under the address that the sender used.
    @Test func releasedMailIsToldOf() async throws {
        let outside = try await Outside(FakeNetwork())
        try await outside.queue(
            "Q",
            to: [
                .init(
                    address: "yo@virtual.test", forwardedFor: "alias@virtual.test", notify: 1, originalType: "rfc822",
                    originalAddress: "o@x.test")
            ])
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        let inbox = try await outside.inbox()
        let report = try #require(inbox.first { $0.contains("multipart/report") })
        #expect(inbox.count == 2)
        #expect(
            report.contains("Original-Recipient: rfc822; o@x.test\r\nFinal-Recipient: rfc822; alias@virtual.test\r\nAction: delivered\r\n"))
        #expect(try await outside.store.trace("alias@virtual.test").map(\.event).contains("delivered"))
        #expect(try await outside.store.verify(deep: true).problems == [])
        await outside.store.close()
    }

    /// Where nothing says the sender's language, a stranger gets both, the server's first; the setting overrules everything.
    @Test func aStrangersLanguage() async throws {
        let outside = try await Outside(
            FakeNetwork(answer: { _, message in
                message.recipients.map {
                    $0.address == "no@b.test"
                        ? .refused(Reply(550, "5.1.1", "No"), .recipient) : .accepted(Reply(250, "2.0.0", "Ok"), relaysDSN: true)
                }
            }))
        func told() -> [String] { outside.network.delivered.map(\.content) }
        try await outside.queue("Q1", to: [.init(address: "no@b.test")], sender: "x@b.test")
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(told().last?.contains("Content-Language: en, es\r\n") == true)
        try await outside.queue("Q2", to: [.init(address: "no@b.test")], sender: "x@b.test", content: "Accept-Language: es\r\n\r\n")
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(told().last?.contains("Content-Language: es\r\n") == true)
        try await outside.queue("Q3", to: [.init(address: "no@b.test")])
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(try await outside.inbox().last?.contains("Content-Language: en\r\n") == true)
        try await outside.store.set(.reportLanguage, to: "es")
        try await outside.queue("Q4", to: [.init(address: "no@b.test")], content: "Accept-Language: en\r\n\r\n")
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        #expect(try await outside.inbox().last?.contains("Content-Language: es\r\n") == true)
        await outside.store.close()
    }

    @Test func inTheClearWhereEncryptionFails() async throws {
        let network = FakeNetwork(refuse: { $0.session.tls == .never ? nil : SendingFailure(.tlsFailed, .startTLS, "bad") })
        let outside = try await Outside(network)
        for index in 0..<3 { try await outside.queue("Q\(index)", to: [.init(address: "a@b.test")]) }
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        // Remembered for the next connections.
        #expect(network.state.withLock { $0.hops.filter { $0.session.tls == .whenOffered }.count } <= 3)
        try await outside.store.set(.outboundTLS, to: "required")
        try await outside.queue("R", to: [.init(address: "a@b.test")])
        #expect(try await outside.run { try await outside.store.queue().first?.recipients.first?.state.reason == "send.tls-failed" })
        await outside.store.close()
    }

    @Test func connectionsOfOtherSettingsServeNoMore() async throws {
        let network = FakeNetwork(delay: .milliseconds(20))
        let outside = try await Outside(network)
        try await outside.store.set(.destinationConcurrency, to: "1")
        try await outside.queue("Q", to: [.init(address: "a@b.test")])
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        let isChanged = Mutex(false)
        for index in 0..<60 { try await outside.queue("R\(index)", to: [.init(address: "a@b.test")]) }
        #expect(
            try await outside.run {
                if network.delivered.count > 5, !isChanged.withLock({ $0 }) {
                    try await outside.store.set(.outboundTLS, to: "required")
                    isChanged.withLock { $0 = true }
                }
                return try await outside.store.queue().isEmpty
            })
        let hops = network.state.withLock { $0.hops }
        #expect(hops.last?.session.tls == .required, "the one that was in use is left")
        #expect(hops.first?.session.tls == .whenOffered)
        await outside.store.close()
    }

    @Test func aReportOnAMessageThatRequiredTLS() async throws {
        let outside = try await Outside(
            FakeNetwork(), ["b.test": .mx([(10, "mx.b.test")]), "mx.b.test": .a(["192.0.2.1"]), "lejos.test": .failed])
        // No MX of b.test is proven, so it can't leave.
        try await outside.queue("Q", to: [.init(address: "a@b.test")], ret: "FULL", requiresTLS: true)
        try await outside.queue("Q2", to: [.init(address: "a@b.test")], sender: "ana@lejos.test", requiresTLS: true)
        #expect(try await outside.run { try await outside.store.queue().allSatisfy { $0.sender.isEmpty } })
        let report = try #require(try await outside.inbox().first)
        // RFC 8689 §4.2.1 and §5: final, by the header only, and protected as the message was.
        #expect(report.contains("Status: 5.7.10\r\n") && report.contains("send.host-unproven"))
        #expect(report.contains("Content-Type: text/rfc822-headers") && !report.contains("Hola\r\n"))
        let due = try await outside.store.due(domain: "lejos.test", now: .max, without: [], limit: 10, recipients: 10)
        #expect(due.messages.map(\.requiresTLS) == [true] && due.messages.map(\.sender) == [""])
        await outside.store.close()
    }

    @Test func throughASmarthost() async throws {
        let outside = try await Outside(FakeNetwork(), ["relay.test": .a(["192.0.2.9"])])
        try await outside.store.set(
            Smarthost(domain: "", host: "relay.test", port: 465, tls: .implicit, user: "u", password: Array("p".utf8)))
        try await outside.queue("Q", to: [.init(address: "a@b.test"), .init(address: "a@c.test")])
        #expect(try await outside.run { try await outside.store.queue().isEmpty })
        let hop = try #require(outside.network.state.withLock { $0.hops.first })
        #expect(hop.host == "relay.test" && hop.port == 465 && hop.session.tls == .implicit && hop.session.login?.user == "u")
        #expect(hop.proof == .certificate(names: ["relay.test"]))
        await outside.store.close()
    }
}
