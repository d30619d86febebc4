import MailTesting
import Testing

@testable import Store
@testable import buzon

private let message = [UInt8]("From: a@example.com\r\nMessage-ID: <r1@example.com>\r\n\r\nhola\r\n")

/// What is refused: the reply, and the row that says why.
@Suite struct RefusalTests {
    @Test(arguments: [
        ("nadie@virtual.test", 550, "5.1.1"), ("usuario@otro.test", 250, ""), ("bucle@virtual.test", 550, "5.4.6"),
        ("nadie+x@virtual.test", 550, "5.1.1"), ("lleno@virtual.test", 552, "5.2.2"),
    ])
    func recipients(_ recipient: String, _ code: Int, _ enhanced: String) async throws {
        try await ServedAppliance.run { served in
            _ = try await served.store.changeForwarding("bucle@virtual.test", { _ in ["vuelta@virtual.test"] })
            _ = try await served.store.changeForwarding("vuelta@virtual.test", { _ in ["bucle@virtual.test"] })
            try await served.store.addUser("lleno@virtual.test", password: [UInt8]("x"), quota: 100)
            let smtp = try served.smtpGreeted()
            try smtp.expect(250, smtp.command("MAIL FROM:<a@example.com> SIZE=1000"))
            let reply = try smtp.command("RCPT TO:<\(recipient)>")
            #expect(reply.code == code, "\(reply)")
            guard code != 250 else { return }
            #expect(reply.enhanced == enhanced)
            let rows = try await served.trace(recipient)
            #expect(rows.count == 1)
            #expect(rows.first?.event == "refused")
            #expect(rows.first?.code == code)
            #expect(rows.first?.sender == "a@example.com")
            #expect(rows.first?.peer == "127.0.0.1")
            #expect(rows.first?.text.isEmpty == false)
        }
    }

    /// Nobody outside of `networks` may send to elsewhere.
    @Test func noRelayForStrangers() async throws {
        try await ServedAppliance.run { served in
            try await served.store.set(.networks, to: "")
            let smtp = try served.smtpGreeted()
            try smtp.expect(250, smtp.command("MAIL FROM:<a@virtual.test>"))
            for form in [
                "b@example.org", "\"b@example.org\"@example.net", "b%example.org@example.net", "@virtual.test:b@example.org",
                "b@[192.0.2.1]",
                "example.org!b@example.net",
            ] {
                let reply = try smtp.command("RCPT TO:<\(form)>")
                #expect((500..<600).contains(reply.code), "\(form): \(reply)")
            }
            #expect(try smtp.command("RCPT TO:<\(ServedAppliance.user)>").code == 250)
            #expect(try await served.store.queue().isEmpty)
            #expect(try await served.trace("b@example.org").first?.code == 554)
        }
    }

    /// RFC 5321 §6.3.
    @Test func aLoopIsEndedByItsReceivedFields() async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            func message(_ hops: Int) -> [UInt8] {
                [UInt8](String(repeating: "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n", count: hops) + "Subject: x\r\n\r\n")
            }
            let limit = served.store.integer(.receivedLimit)
            let refused = try smtp.submit(from: "a@example.com", to: [ServedAppliance.user], message: message(limit + 1))
            #expect(refused.code == 554 && refused.enhanced == "5.4.6", "\(refused)")
            #expect(try await served.trace(ServedAppliance.user).map(\.code) == [554])
            #expect(try smtp.submit(from: "a@example.com", to: [ServedAppliance.user], message: message(limit)).code == 250)
        }
    }

    /// RFC 3463: a mailbox that is full, seen at RCPT by the announced size, else when the message has come.
    @Test func quota() async throws {
        try await ServedAppliance.run { served in
            try await served.store.setQuota(ServedAppliance.user, 2_000)
            let smtp = try served.smtpGreeted()
            let large = [UInt8]("Subject: x\r\n\r\n" + String(repeating: "linea\r\n", count: 400))
            let refused = try smtp.submit(from: "a@example.com", to: [ServedAppliance.user], message: large)
            #expect(refused.code == 552 && refused.enhanced == "5.2.2", "\(refused)")
            #expect(try await served.trace(ServedAppliance.user).map(\.code) == [552])
            #expect(try smtp.submit(from: "a@example.com", to: [ServedAppliance.user], message: message).code == 250)
            // RCPT has accepted both, and one reply stands for both: nobody loses what others get.
            #expect(try smtp.submit(from: "a@example.com", to: [ServedAppliance.user, ServedAppliance.other], message: large).code == 250)
            #expect(try await served.store.user(ServedAppliance.user)?.messages == 2)
            #expect(try await served.store.user(ServedAppliance.other)?.messages == 1)
            // RFC 3501 has no code for it, RFC 5530 §3 has.
            let imap = try served.imap()
            let appended = try imap.command("APPEND INBOX ", .literal(large))
            #expect(appended.tagged.code == "OVERQUOTA", "\(appended.tagged)")
        }
    }

    @Test func everyDeliveryIsTraced() async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            let reply = try smtp.submit(from: "a@example.com", to: [ServedAppliance.user, "fuera@example.org"], message: message)
            #expect(reply.code == 250)
            // Nobody can be reached from here: how the queue fares is another matter.
            let rows = try await served.trace("<r1@example.com>").filter { !["deferred", "checked"].contains($0.event) }
            #expect(rows.map(\.event) == ["delivered", "queued"])
            #expect(rows.map(\.recipient) == [ServedAppliance.user, "fuera@example.org"])
            // The reply names the queue id under which both are found.
            let queueID = try #require(rows.first?.queueID)
            #expect(reply.description.contains(queueID))
            #expect(try await served.trace(queueID).filter { !["deferred", "checked"].contains($0.event) }.count == 2)
        }
    }

    @Test func contentThatHidesAMessageIsRefusedAndTraced() async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            try smtp.expect(250, smtp.command("MAIL FROM:<a@example.com>"))
            try smtp.expect(250, smtp.command("RCPT TO:<\(ServedAppliance.user)>"))
            try smtp.expect(354, smtp.command("DATA"))
            try smtp.connection.send([UInt8]("Subject: x\r\n\r\nuno\n.\nMAIL FROM:<b@example.com>\r\n.\r\n"))
            #expect(try smtp.readReply().code == 550)
            #expect(try await served.store.user(ServedAppliance.user)?.messages == 0)
            #expect(try await served.trace(ServedAppliance.user).map(\.event) == ["refused"])
        }
    }
}
