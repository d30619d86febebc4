import Mail
import Testing

@testable import Store

/// A report that is stored with what it reports on: both, or neither.
struct CompanionTests {
    private func delivery(_ text: String, to users: [UserID], _ store: MailStore) throws -> Delivery {
        Delivery(
            spool: try store.spool(text), envelope: [], structure: [], date: InternalDate(seconds: 7),
            recipients: users.map { Delivery.Recipient(user: $0) },
            trace: [TraceEntry(time: 7, event: "delivered", queueID: text, recipient: "usuario@virtual.test")])
    }

    /// The directory as it is at each step, copied: what a process that is killed there leaves behind.
    @Test(arguments: Writer.Step.allCases) func killedAt(step: Writer.Step) async throws {
        let scratch = Scratch()
        let (store, user, arm) = try await scratch.populated(copiedAt: step)
        arm()
        _ = try await store.deliver(delivery("letter", to: [user], store), report: delivery("report", to: [user], store))
        let rows = try await store.rows(try await store.inbox(user))
        var texts: [String] = []
        for row in rows { texts.append(try await store.text(row)) }
        #expect(texts == ["letter", "report"])
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
        var options = MailStore.Options(createsDirectory: false)
        options.keepsHouse = false
        let killed = try await MailStore.open(directory: scratch.path + "/killed", options: options)
        #expect(try await killed.status(user, "INBOX").messages == (step == .committed ? 2 : 0))
        // No number is given twice, though two bodies were appended.
        _ = try await killed.deliver(delivery("again", to: [user], killed), report: delivery("report", to: [user], killed))
        let again = try await killed.rows(try await killed.inbox(user))
        #expect(Set(again.map(\.body.id)).count == again.count && again.count == (step == .committed ? 4 : 2))
        #expect(try await killed.verify(deep: true).problems == [])
        await killed.close()
    }

    @Test func whatIsRefusedIsNotReported() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let letter = try delivery("letter", to: [UserID(999)], store)
        let report = try delivery("report", to: [user], store)
        await #expect(throws: StoreFailure.nonExistent) { try await store.deliver(letter, report: report) }
        #expect(try await store.status(user, "INBOX").messages == 0)
        #expect(try await store.trace("usuario@virtual.test").isEmpty)
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func nobodyIsLeftToBeTold() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        _ = try await store.deliver(delivery("letter", to: [user], store), report: delivery("report", to: [UserID(999)], store))
        #expect(try await store.status(user, "INBOX").messages == 1)
        #expect(try await store.trace("usuario@virtual.test").map(\.queueID) == ["letter"])
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func intoAFullMailbox() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.quota, to: "6")
        _ = try await store.deliver(delivery("letter", to: [user], store), report: delivery("report", to: [user], store))
        #expect(try await store.status(user, "INBOX").messages == 2)
        await store.close()
    }
}
