import Mail
import Testing

@testable import Store

struct QuarantineTests {
    private func quarantined(
        _ queueID: String, _ user: UserID, fate: Quarantined.Recipient.Fate = .quarantine, hidden: Range<Int>? = nil
    ) -> Quarantined {
        var place = Delivery.Recipient(user: user, prefix: Array("Delivered-To: usuario@virtual.test\r\n".utf8), hidden: hidden)
        if hidden != nil { place.envelope = Array("(tagged)".utf8) }
        return Quarantined(
            queueID: queueID, received: InternalDate(seconds: 7, zoneMinutes: 60), messageID: "<\(queueID)@x.test>", peer: "192.0.2.1",
            sender: "de@x.test", from: "Él <de@x.test>", subject: "año", category: "virus", reasons: ["trace.a\u{1F}name\u{1F}Eicar", "b"],
            recipients: [
                Quarantined.Recipient(recipient: "alias@virtual.test", fate: fate, place: .mailbox(place, address: "usuario@virtual.test"))
            ])
    }

    private func delivery(_ text: String, _ quarantined: Quarantined, to users: [UserID] = [], _ store: MailStore) throws -> Delivery {
        var delivery = Delivery(
            spool: try store.spool(text), envelope: Array("(plain)".utf8), structure: [], date: InternalDate(seconds: 7),
            recipients: users.map { Delivery.Recipient(user: $0) })
        delivery.quarantined = quarantined
        return delivery
    }

    @Test func keptListedReleasedRemoved() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        _ = try await store.deliver(delivery("Subject: a\r\n\r\nb", quarantined("q1", user, hidden: 0..<12), store))
        #expect(try await store.status(user, "INBOX").messages == 0)
        for wanted in [nil, "Q1", "usuario@virtual.test", "ALIAS@virtual.test", "<q1@x.test>", "q1@x.test", "de@x.test"] {
            #expect(try await store.quarantine(wanted).map(\.queueID) == ["q1"], "\(wanted ?? "")")
        }
        #expect(try await store.quarantine("nobody@x.test").isEmpty)
        let entry = try #require(try await store.quarantine().first)
        #expect(entry.reasons == ["trace.a\u{1F}name\u{1F}Eicar", "b"] && entry.size == 15 && entry.from == "Él <de@x.test>")
        #expect(try await store.quarantinedBytes(entry.id, from: 0) == Array("Subject: a\r\n\r\nb".utf8))
        #expect(try await store.quarantinedBytes(entry.id, from: 15) == [])
        let released = try await store.release(entry.id, field: Array("X-Released: yes\r\n".utf8))
        #expect(released.destinations == ["usuario@virtual.test"])
        let row = try #require(try await store.rows(try await store.inbox(user)).first)
        #expect(try await store.text(row) == "X-Released: yes\r\nDelivered-To: usuario@virtual.test\r\n\r\nb")
        #expect(row.envelope == Array("(tagged)".utf8))
        // Once.
        #expect(try await store.release(entry.id, field: []).destinations.isEmpty)
        #expect(try await store.quarantine().first?.recipients.first?.released ?? 0 > 0)
        #expect(try await store.verify(deep: true).problems == [])
        // Its body outlives the entry while the mailbox has it, and goes with both.
        #expect(try await store.removeQuarantined([entry.id, 99, entry.id]) == 1)
        let line = try #require(try await store.trace("<q1@x.test>").last)
        #expect(line.event == "removed" && line.queueID == "q1" && line.text == "trace.quarantine-removed\u{1F}id\u{1F}\(entry.id)")
        #expect(try await store.trace("q1").count == 1)
        #expect(try await store.verify(deep: true).bodies == 1)
        await #expect(throws: StoreFailure.nonExistent) { try await store.release(entry.id, field: []) }
        await #expect(throws: StoreFailure.nonExistent) { try await store.quarantinedBytes(entry.id, from: 0) }
        await store.close()
    }

    @Test func aTaggedEnvelopeIsCopied() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        var delivery = try delivery("Subject: a\r\n\r\nb", quarantined("q1", user), to: [user], store)
        delivery.recipients[0].envelope = Array("(mine)".utf8)
        _ = try await store.deliver(delivery)
        let inbox = try await store.inbox(user)
        _ = try await store.copy(inbox, UIDSet(1...1), user: user, to: "Trash", isMove: false)
        let trash = try await store.status(user, "Trash").id
        #expect(try await store.rows(trash).map(\.envelope) == [Array("(mine)".utf8)])
        await store.close()
    }

    @Test func leavingIsReleasedIntoTheQueue() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        let outgoing = Outgoing.Recipient(address: "lejos@z.test", forwardedFor: "alias@virtual.test", notify: 3, originalType: "rfc822")
        var held = quarantined("q2", UserID(1))
        held.recipients = [Quarantined.Recipient(recipient: "alias@virtual.test", fate: .quarantine, place: .elsewhere(outgoing))]
        held.outgoing = Outgoing(
            queueID: "q2", sender: "de@x.test", recipients: [], prefix: Array("Received: x\r\n".utf8), ret: "HDRS", envelopeID: "e",
            smtpUTF8: true, login: "", requiresTLS: true, isEightBit: true, messageID: "<q2@x.test>")
        _ = try await store.deliver(delivery("text", held, store))
        #expect(try await store.queue(.all).isEmpty)
        let entry = try #require(try await store.quarantine().first)
        #expect(try await store.release(entry.id, field: Array("X: y\r\n".utf8)).destinations == ["lejos@z.test"])
        let queued = try #require(try await store.queue(.all).first)
        #expect(queued.queueID == "q2" && queued.recipients.first?.recipient == outgoing)
        #expect(
            scratch.sqlite3("SELECT prefix || ret || envelope_id || smtputf8 || requires_tls || eight_bit FROM outgoing").output
                == "X: y\r\nReceived: x\r\nHDRSe111\n")
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func theOldestMakesRoom() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.quarantineSize, to: "1048576")
        let text = String(repeating: "x", count: 300_000)
        for (name, fate) in [("held", Quarantined.Recipient.Fate.quarantine), ("copy", .discard), ("refused", .reject)] {
            _ = try await store.deliver(delivery(text, quarantined(name, user, fate: fate), store))
        }
        // Nobody's mail is thrown out for a mere copy, and what goes of it leaves a trace.
        _ = try await store.deliver(delivery(text, quarantined("copy too", user, fate: .discard), to: [user], store))
        // What somebody waits for stays longest.
        _ = try await store.deliver(delivery(text, quarantined("new", user), store))
        #expect(try await store.quarantine().map(\.queueID) == ["new", "copy too", "held"])
        _ = try await store.deliver(delivery(text, quarantined("newer", user), store))
        #expect(try await store.quarantine().map(\.queueID) == ["newer", "new", "held"])
        _ = try await store.deliver(delivery(text, quarantined("newest", user), store))
        #expect(try await store.quarantine().map(\.queueID) == ["newest", "newer", "new"])
        #expect(try await store.trace("held").map(\.event) == ["removed"])
        _ = try await store.deliver(delivery(text, quarantined("last copy", user, fate: .discard), to: [user], store))
        #expect(try await store.quarantine().map(\.queueID) == ["newest", "newer", "new"])
        // Less room than before: the sweep makes it so.
        #expect(scratch.sqlite3("INSERT OR REPLACE INTO setting VALUES ('quarantine-size', '1048576')").status == 0)
        #expect(
            scratch.sqlite3(
                "UPDATE quarantine SET size = size + 400000; UPDATE counter SET value = value + 1200000 WHERE name = 'quarantine'"
            ).status == 0)
        try await store.sweepQuarantine()
        #expect(try await store.quarantine().map(\.queueID) == ["newest"])
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    /// What was thrown away on purpose is thrown away without a copy where what others wait for leaves no room for one, or it is larger than all.
    @Test(arguments: [
        (700_000, Quarantined.Recipient.Fate.discard, "discarded"), (700_000, .bounce, "bounced"), (2_000_000, .discard, "discarded"),
    ])
    func withoutRoomForACopy(length: Int, fate: Quarantined.Recipient.Fate, event: String) async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.quarantineSize, to: "1048576")
        _ = try await store.deliver(delivery(String(repeating: "x", count: 700_000), quarantined("held", user), store))
        let bodies = try await store.verify(deep: true).bodies
        for users in [[], [user]] {
            var delivery = try delivery(
                String(repeating: "y", count: length), quarantined("q\(users.count)", user, fate: fate), to: users, store)
            let way = (recipient: "alias@virtual.test", destination: "usuario@virtual.test")
            delivery.trace = [
                TraceEntry(
                    time: 1, event: event, queueID: "q\(users.count)", recipient: way.recipient, destination: way.destination, text: "x"),
                TraceEntry(time: 1, event: "delivered", queueID: "q\(users.count)", recipient: "z@x.test", destination: "z@x.test"),
            ]
            let receipt = try await store.deliver(delivery)
            #expect(receipt.quarantine == nil && receipt.outcomes.count == users.count)
            let trace = try await store.trace("q\(users.count)")
            #expect(trace.map(\.text) == ["x", "trace.uncopied", ""] && trace.map(\.event) == [event, event, "delivered"])
        }
        #expect(try await store.quarantine().map(\.queueID) == ["held"])
        let report = try await store.verify(deep: true)
        #expect(report.problems == [] && report.bodies == bodies + 1)
        await store.close()
    }

    @Test(arguments: ["reject", "defer"]) func aFullOneRefuses(way: String) async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.quarantineSize, to: "1048576")
        try await store.set(.quarantineFull, to: way)
        let text = String(repeating: "x", count: 700_000)
        _ = try await store.deliver(delivery(text, quarantined("first", user), store))
        for fate in [Quarantined.Recipient.Fate.quarantine, .discard, .bounce] {
            await #expect(throws: StoreFailure.quarantineFull(isForNow: way == "defer")) {
                try await store.deliver(delivery(text, quarantined("second", user, fate: fate), to: [user], store))
            }
        }
        // Nobody had it, and a copy of what is refused anyway is merely not kept.
        #expect(try await store.status(user, "INBOX").messages == 0)
        _ = try await store.deliver(delivery(text, quarantined("third", user, fate: .reject), to: [user], store))
        #expect(try await store.status(user, "INBOX").messages == 1)
        #expect(try await store.quarantine().map(\.queueID) == ["first"])
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func whatIsOldGoes() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        for name in ["old", "young"] { _ = try await store.deliver(delivery("text", quarantined(name, user), store)) }
        #expect(scratch.sqlite3("UPDATE quarantine SET created = created - 31 * 86400 WHERE queue_id = 'old'").status == 0)
        try await store.sweepQuarantine()
        #expect(try await store.quarantine().map(\.queueID) == ["young"])
        // With its last recipient.
        try await store.removeUser("usuario@virtual.test")
        #expect(try await store.quarantine().isEmpty)
        let report = try await store.verify(deep: true)
        #expect(report.problems == [] && report.bodies == 0)
        await store.close()
    }

    /// What is larger than all of it makes nobody's mail go, and is no matter of waiting.
    @Test(arguments: ["oldest", "reject", "defer"]) func largerThanAll(way: String) async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.quarantineSize, to: "1048576")
        try await store.set(.quarantineFull, to: way)
        for (name, fate) in [("held", Quarantined.Recipient.Fate.quarantine), ("copy", .discard)] {
            _ = try await store.deliver(delivery("text", quarantined(name, user, fate: fate), store))
        }
        let text = String(repeating: "x", count: 2_000_000)
        await #expect(throws: StoreFailure.quarantineFull(isForNow: false)) {
            try await store.deliver(delivery(text, quarantined("large", user), store))
        }
        _ = try await store.deliver(delivery(text, quarantined("large copy", user, fate: .reject), to: [user], store))
        #expect(try await store.quarantine().map(\.queueID) == ["copy", "held"])
        await store.close()
    }

    /// Rows count as well as bodies, and of a message with several recipients one who waits is enough.
    @Test func whatCounts() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.quarantineSize, to: "1048576")
        var wordy = quarantined("wordy", user, fate: .discard)
        wordy.reasons = [String(repeating: "r", count: 400_000)]
        wordy.recipients += quarantined("", user).recipients
        _ = try await store.deliver(delivery("text", wordy, store))
        for name in ["one", "two"] {
            var copy = quarantined(name, user, fate: .discard)
            copy.subject = String(repeating: "s", count: 400_000)
            _ = try await store.deliver(delivery("text", copy, store))
        }
        #expect(try await store.quarantine().map(\.queueID) == ["two", "wordy"])
        // A mere copy goes without a trace.
        #expect(try await store.trace("one").isEmpty)
        let number = try #require(try await store.quarantine("wordy").first).id
        #expect(try await store.quarantine("\(number)").map(\.queueID) == ["wordy"])
        await store.close()
    }

    /// Those who are named get it, then the others, each once, however full their mailboxes are; the trace tells of those.
    @Test func someFirst() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let other = try await store.addUser("otro@virtual.test", password: Array("secreto".utf8))
        var held = quarantined("q1", user)
        held.recipients.append(
            .init(
                recipient: "otro@virtual.test", fate: .quarantine,
                place: .mailbox(Delivery.Recipient(user: other), address: "otro@virtual.test")))
        _ = try await store.deliver(delivery("text", held, store))
        try await store.setQuota("otro@virtual.test", 1)
        let entry = try #require(try await store.quarantine().first)
        let trace = ["usuario@virtual.test", "otro@virtual.test"].map {
            TraceEntry(time: 1, event: "released", queueID: "q1", recipient: $0, destination: $0, text: "x")
        }
        #expect(
            try await store.release(entry.id, to: [entry.recipients[1].id], field: [], trace: trace).destinations == ["otro@virtual.test"])
        #expect(try await store.status(user, "INBOX").messages == 0)
        #expect(try await store.status(other, "INBOX").messages == 1)
        #expect(try await store.trace("q1").map(\.destination) == ["otro@virtual.test"])
        #expect(try await store.release(entry.id, field: [], trace: trace).destinations == ["usuario@virtual.test"])
        #expect(try await store.status(user, "INBOX").messages == 1)
        #expect(try await store.status(other, "INBOX").messages == 1)
        #expect(try await store.trace("q1").count == 2)
        await store.close()
    }

    /// Days are a setting, and where nothing makes room by itself a sweep does not either.
    @Test func sweeps() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.quarantineDays, to: "10")
        try await store.set(.quarantineFull, to: "reject")
        for name in ["old", "young"] { _ = try await store.deliver(delivery("text", quarantined(name, user), store)) }
        let older = "UPDATE quarantine SET created = created - CASE queue_id WHEN 'old' THEN 11 ELSE 9 END * 86400"
        #expect(
            scratch.sqlite3(
                "\(older); UPDATE quarantine SET size = size + 9000000000; UPDATE counter SET value = value + 18000000000 WHERE name = 'quarantine'"
            ).status == 0)
        try await store.sweepQuarantine()
        #expect(try await store.quarantine().map(\.queueID) == ["young"])
        await store.close()
    }

    /// Killed at any step of a release: it was released or it was not, and the next attempt brings it once.
    @Test(arguments: [Writer.Step.begin, .beforeCommit, .committed]) func killedDuringARelease(step: Writer.Step) async throws {
        let scratch = Scratch()
        let (store, user, arm) = try await scratch.populated(copiedAt: step)
        _ = try await store.deliver(delivery("Subject: a\r\n\r\nb", quarantined("q1", user), store))
        let entry = try #require(try await store.quarantine().first)
        arm()
        _ = try await store.release(entry.id, field: [])
        await store.close()
        var options = MailStore.Options(createsDirectory: false)
        options.keepsHouse = false
        let killed = try await MailStore.open(directory: scratch.path + "/killed", options: options)
        let found = try await killed.quarantine().flatMap(\.recipients).map { $0.released > 0 }
        #expect(found == [step == .committed])
        #expect(try await killed.status(user, "INBOX").messages == (step == .committed ? 1 : 0))
        #expect(try await killed.release(entry.id, field: []).destinations.count == (step == .committed ? 0 : 1))
        #expect(try await killed.status(user, "INBOX").messages == 1)
        #expect(try await killed.verify(deep: true).problems == [])
        await killed.close()
    }
}
