import GRDB
import Mail
import Synchronization
import Testing

@testable import Store

/// Very large sets: what a command costs, and that others get their turn.
struct CopyMoveTests {
    /// INBOX of `count` messages that share one body. Every other one is read.
    private func large(_ count: Int, _ scratch: Scratch) async throws -> (MailStore, UserID, MailboxID) {
        let (store, user) = try await scratch.populated()
        try await store.deliver("Subject: x\r\n\r\n", to: [user])
        let result = scratch.sqlite3(
            """
            BEGIN;
            INSERT INTO message (id, modseq, flags, date, size, body_id, prefix)
                WITH RECURSIVE number (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < \(count))
                SELECT message.id - 1 + n, n, (n % 2) * 8, 0, size, body_id, prefix FROM message, number;
            UPDATE mailbox SET messages = \(count), unseen = \((count + 2) / 2), size = \(count) * size, uidnext = \(count + 1),
                highestmodseq = \(count + 1) WHERE name = 'INBOX';
            COMMIT;
            """)
        #expect(result.status == 0, "\(result.output)")
        return (store, user, try await store.inbox(user))
    }

    /// Statements of the writer, those of triggers not counted.
    private func statements(_ store: MailStore, _ body: () async throws -> Void) async throws -> Int {
        let counter = Counter()
        try await store.writer.between { db in
            db.trace { event in if !"\(event)".hasPrefix("--") { counter.count.wrappingAdd(1, ordering: .relaxed) } }
        }
        try await body()
        try await store.writer.between { db in db.trace(nil) }
        return counter.count.load(ordering: .relaxed)
    }

    private final class Counter: Sendable { let count = Atomic<Int>(0) }

    @Test func oneStatementForAnyNumber() async throws {
        let scratch = Scratch()
        let (store, user, inbox) = try await large(2_000, scratch)
        // In memory, the statement journal is walked from its beginning after each statement: quadratic.
        #expect(try await store.writer.between { db in try db.first("PRAGMA temp_store") { $0.int(0) } } != 2)
        let scattered = UIDSet(uids: stride(from: 1, through: 1_999, by: 2).map { UID($0) })
        var copied: Copied?
        let copying = try await statements(store) {
            copied = try await store.copy(inbox, scattered, user: user, to: "Archive", isMove: false)
        }
        #expect(copying < 20)
        #expect(copied?.sources == scattered && copied?.destinations == UIDSet(1...1_000))
        let moving = try await statements(store) {
            copied = try await store.copy(inbox, UIDSet(1...1_000), user: user, to: "Trash", isMove: true)
        }
        #expect(moving < 20)
        #expect(copied?.sources == UIDSet(1...1_000) && copied?.destinations == UIDSet(1...1_000))
        _ = try await store.store(inbox, UIDSet(1_500...1_800), .add, Flags([.deleted]))
        #expect(try await statements(store) { _ = try await store.expunge(inbox, nil) } < 20)
        #expect(try await store.status(user, "INBOX").messages == 699)
        #expect(try await store.status(user, "Archive").unseen == 1)
        #expect(try await store.verify().problems == [])
        await store.close()
    }

    @Test func deliveriesComeInBetween() async throws {
        let scratch = Scratch()
        let count = 2 * MailStore.messagesInOnePiece + 500
        let (store, user, inbox) = try await large(count, scratch)
        async let moved = store.copy(inbox, UIDSet(1...UID.max), user: user, to: "Archive", isMove: true)
        for _ in 0..<3 { try await store.deliver("Subject: between\r\n\r\n", to: [user]) }
        let result = try await moved
        #expect(result.sources.count >= count && result.sources.count == result.destinations.count)
        #expect(try await store.status(user, "Archive").messages == result.sources.count)
        let (expunged, modSeq) = try await store.remove(try await store.status(user, "Archive").id, UIDSet(1...UID.max))
        #expect(expunged == result.destinations)
        let archive = try await store.status(user, "Archive")
        #expect(archive.messages == 0 && archive.highestModSeq == modSeq)
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test(
        arguments: [
            ([], 5, [[]]), ([1...5], 5, [[1...5]]), ([1...6, 9...9], 5, [[1...5], [6...6, 9...9]]),
            ([1...1, 3...12], 4, [[1...1, 3...5], [6...9], [10...12]]),
        ] as [([ClosedRange<UID>], Int, [[ClosedRange<UID>]])])
    func pieces(ranges: [ClosedRange<UID>], count: Int, expected: [[ClosedRange<UID>]]) {
        #expect(UIDSet(ranges).pieces(of: count) == expected.map { UIDSet($0) })
    }
}
