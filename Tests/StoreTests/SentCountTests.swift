import Mail
import Testing

@testable import Store

@Suite struct SentCountTests {
    private static func delivery(_ store: MailStore, to user: UserID, _ tally: Tally) throws -> Delivery {
        Delivery(
            spool: try store.spool("Subject: x\r\n\r\n"), envelope: Array("(env)".utf8), structure: Array("structure".utf8),
            date: InternalDate(seconds: 1_000_000), recipients: [Delivery.Recipient(user: user)], tally: tally)
    }

    /// Pieces of one batch see each other's counts.
    @Test func oneBatchDoesNotExceedTheLimit() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let tally = Tally.sent(login: "usuario@virtual.test", day: 20_000, recipients: 3, limit: 100)
        let deliveries = try (0..<200).map { _ in try Self.delivery(store, to: user, tally) }
        let failures = await withTaskGroup(of: StoreFailure?.self) { group in
            for delivery in deliveries {
                group.addTask {
                    do throws(StoreFailure) {
                        _ = try await store.deliver(delivery)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: [StoreFailure?]()) { $0.append($1) }
        }
        #expect(failures.count { $0 == nil } == 33)
        #expect(failures.count { $0 == .limit("recipients") } == 167)
        #expect(try await store.sentCount("USUARIO@virtual.test", day: 20_000) == SentCount(recipients: 99))
        #expect(try await store.sentCount("usuario@virtual.test", day: 20_001) == SentCount())
        #expect(try await store.sentCount("nadie@virtual.test", day: 20_000) == nil)
        #expect(try await store.status(user, "INBOX").messages == 33)
        let report = try await store.verify(deep: true)
        #expect(report.isClean, "\(report.problems)")
        await store.close()
    }

    @Test func toldOnceThenForgotten() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let told = Tally.told(login: "usuario@virtual.test", day: 20_000)
        _ = try await store.deliver(Self.delivery(store, to: user, told))
        await #expect(throws: StoreFailure.alreadyExists) { try await store.deliver(Self.delivery(store, to: user, told)) }
        #expect(try await store.sentCount("usuario@virtual.test", day: 20_000) == SentCount(isTold: true))
        // The user who counts was removed.
        let other = Tally.sent(login: "nadie@virtual.test", day: 20_000, recipients: 1, limit: 1)
        await #expect(throws: StoreFailure.notAllowed) { try await store.deliver(Self.delivery(store, to: user, other)) }
        // A count of years ago.
        try await store.sweep()
        #expect(try await store.sentCount("usuario@virtual.test", day: 20_000) == SentCount())
        await store.close()
    }
}
