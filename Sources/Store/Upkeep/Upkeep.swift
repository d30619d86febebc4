import Dispatch
import Synchronization

/// What the store does by itself: notices other processes' writes within a second, takes snapshots, compacts, sweeps.
final class Upkeep: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var hasNews = true
    }

    private static let second: UInt64 = 1_000_000_000

    private let state = Mutex(State())

    /// Another process wrote, says the writer.
    func noticed() { state.withLock { $0.hasNews = true } }

    /// The one task of the store's own; `end` waits for it.
    func begin(_ store: MailStore, keepsHouse: Bool) {
        let task = Task.detached { [weak store] in
            var tick = 0
            while !Task.isCancelled {
                guard let store else { return }
                await self.round(store, tick: tick, keepsHouse: keepsHouse)
                tick += 1
                try? await Task.sleep(nanoseconds: Self.second)
            }
        }
        state.withLock { $0.task = task }
    }

    func end() async {
        let task = state.withLock { $0.task.take() }
        task?.cancel()
        await task?.value
    }

    private func round(_ store: MailStore, tick: Int, keepsHouse: Bool) async {
        // An empty piece: its batch asks for data_version.
        try? await store.writer.write { _, _ in }
        let hasNews = state.withLock { state in
            defer { state.hasNews = false }
            return state.hasNews
        }
        if hasNews { await store.takeNotice(isFirst: tick == 0) }
        if keepsHouse, tick % 60 == 59 { await store.keepHouse() }
    }
}

extension MailStore {
    /// Another process has written: settings, passwords, anything.
    func takeNotice(isFirst: Bool = false) async {
        // What fails here is asked for again with the next change; the server lives on with what it knew.
        try? await reloadSettings()
        _ = try? await hashPendingPasswords()
        if !isFirst { wakes.wakeAll() }
    }

    /// A minute's share of the house-keeping. What fails is tried again a minute later.
    func keepHouse() async {
        let newest = (try? snapshots().last?.time) ?? 0
        if clockSeconds() - newest >= integer(.snapshotMinutes) * 60 {
            _ = try? await takeSnapshot()
            try? removeOldSnapshots()
        }
        _ = try? await compact()
        _ = try? await removeRetiredSegments()
        try? await sweep()
    }

    /// Removes traces and tombstones that are older than their settings say, some at a time.
    package func sweep() async throws(StoreFailure) {
        let traceAge = now() - Int64(integer(.traceDays)) * 86_400
        let traceRows = Int64(integer(.traceRows))
        let tombstoneAge = now() - Int64(integer(.tombstoneDays)) * 86_400
        while try await writer.write({ db, _ in
            let first = try db.first("SELECT max(id) FROM trace") { $0.int64(0) } ?? 0
            return try db.run(
                "DELETE FROM trace WHERE id IN (SELECT id FROM trace WHERE id <= ? OR time < ? ORDER BY id LIMIT 2000)",
                .integer(first - traceRows), .integer(traceAge))
        }) == 2_000 {}
        try await writer.write { db, _ in
            try db.run(
                """
                UPDATE mailbox SET swept = max(swept, old.modseq) FROM
                    (SELECT mailbox_id, max(modseq) AS modseq FROM expunged WHERE date < ? GROUP BY mailbox_id) AS old
                WHERE mailbox.id = old.mailbox_id
                """, .integer(tombstoneAge))
            try db.run(
                "DELETE FROM expunged WHERE modseq <= (SELECT swept FROM mailbox WHERE mailbox.id = mailbox_id)")
        }
    }
}
