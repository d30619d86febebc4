import Mail
import Testing

@testable import Store

struct QuotaTests {
    @Test func eachRecipientFailsAlone() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let other = try await store.addUser("otra@virtual.test", password: [65], quota: 100)
        let text = String(repeating: "x", count: 60)
        let inbox = try await store.inbox(other)
        #expect(try await store.deliver(text, to: [user, other]).outcomes.count == 2)
        let second = try await store.deliver(text, to: [other, user])
        #expect(second.outcomes[0] == .overQuota)
        #expect(second.outcomes[1] == .stored(mailbox: try await store.inbox(user), uid: 2))
        await #expect(throws: StoreFailure.overQuota) { try await store.deliver(text, to: [other]) }
        await #expect(throws: StoreFailure.overQuota) {
            try await store.append(
                user: other, mailbox: "Sent", flags: Flags(), date: InternalDate(seconds: 0), spool: store.spool(text), envelope: [],
                structure: [])
        }
        await #expect(throws: StoreFailure.overQuota) {
            try await store.copy(inbox, UIDSet(1...1), user: other, to: "Sent", isMove: false)
        }
        _ = try await store.copy(inbox, UIDSet(1...1), user: other, to: "Sent", isMove: true)
        #expect(try await store.usage(other).used == 60)
        try await store.setQuota("otra@virtual.test", 0)
        try await store.deliver(text, to: [other])
        try await store.set(.quota, to: "100")
        await #expect(throws: StoreFailure.overQuota) { try await store.deliver(text, to: [user]) }
        // Refused before they were appended.
        let report = try await store.verify(deep: true)
        #expect(report.problems == [])
        #expect(report.notes == [])
        await store.close()
    }

    @Test func aBodyIsStoredOnce() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        var users = [user]
        for number in 0..<5 { users.append(try await store.addUser("u\(number)@virtual.test", password: [65])) }
        try await store.deliver("Subject: uno\r\n\r\n", to: users)
        #expect(try await store.verify(deep: true).bodies == 1)
        for email in ["usuario", "u0", "u1", "u2", "u3"] { try await store.removeUser(email + "@virtual.test") }
        #expect(try await store.verify(deep: true).bodies == 1)
        let row = try await store.rows(try await store.inbox(users[5]))[0]
        #expect(try await store.text(row) == "Subject: uno\r\n\r\n")
        try await store.removeUser("u4@virtual.test")
        let report = try await store.verify(deep: true)
        #expect(report.bodies == 0 && report.problems == [])
        #expect(report.notes.map(\.code) == ["dead"])
        await store.close()
    }

    @Test func hiddenRange() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let text = "A: 1\r\nSubject: spam\r\nB: 2\r\n\r\nbody"
        _ = try await store.deliver(
            Delivery(
                spool: store.spool(text), envelope: [], structure: [], date: InternalDate(seconds: 5, zoneMinutes: -180),
                recipients: [.init(user: user, prefix: Array("Subject: [SPAM]\r\n".utf8), hidden: 6..<21)]))
        let row = try await store.rows(try await store.inbox(user))[0]
        let expected = Array("Subject: [SPAM]\r\nA: 1\r\nB: 2\r\n\r\nbody".utf8)
        #expect(row.size == expected.count && row.internalDate == InternalDate(seconds: 5, zoneMinutes: -180))
        for low in 0...expected.count {
            for high in low...expected.count { #expect(try await store.read(row.body, low..<high) == Array(expected[low..<high])) }
        }
        #expect(try await store.read(row.body, 30..<500) == Array(expected[30...]))
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func outgoingAndTrace() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        var delivery = Delivery(
            spool: try store.spool("Subject: fuera\r\n\r\n"), envelope: [], structure: [], date: InternalDate(seconds: 0), recipients: [])
        delivery.outgoing = Outgoing(
            queueID: "Q1", sender: "a@b.test",
            recipients: [
                .init(address: "x@y.test", forwardedFor: "usuario@virtual.test"),
                .init(address: "z@y.test", notify: 0, originalType: "rfc822", originalAddress: "z@y.test"),
            ], prefix: [65], ret: "HDRS", envelopeID: "e")
        delivery.trace = [
            TraceEntry(
                time: 1, event: "received", queueID: "Q1", messageID: "<m@b.test>", sender: "A@b.test", recipient: "x@y.test", code: 250)
        ]
        #expect(try await store.deliver(delivery).outcomes.isEmpty)
        try await store.record([TraceEntry(time: 2, event: "refused", recipient: "nadie@virtual.test", code: 550, text: "no such user")])
        let queue = try await store.queue()
        #expect(queue.count == 1 && queue[0].size == 19 && queue[0].recipients.map(\.recipient) == delivery.outgoing?.recipients)
        for key in ["a@B.test", "X@y.test", "m@b.test", "<m@b.test>", "q1"] { #expect(try await store.trace(key) == delivery.trace) }
        #expect(try await store.trace("nadie@virtual.test").map(\.code) == [550])
        #expect(try await store.verify(deep: true).problems == [])
        #expect(try await store.change(.remove, .message("Q1")) == 2)
        #expect(try await store.verify().bodies == 0)
        try await store.sweep()
        // What the removal itself left is of today.
        #expect(try await store.trace("q1").filter { $0.time < 1_000 }.isEmpty)
        await store.close()
    }
}
