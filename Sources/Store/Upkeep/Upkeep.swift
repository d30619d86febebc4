import Dispatch
import Synchronization

/// What the store does by itself: notices other processes' writes within a second, takes snapshots, compacts, sweeps.
final class Upkeep: Sendable {
    private struct State {
        var tasks: [Task<Void, Never>] = []
        var hasNews = true
        /// Something of the last look is still to be done.
        var isUnfinished = false
    }

    /// Half of the second that is promised, so that looking and acting fit into it.
    private static let lookInterval = Duration.milliseconds(500)
    private static let houseInterval = Duration.seconds(60)

    private let state = Mutex(State())

    /// Another process wrote, says the writer.
    func noticed() { state.withLock { $0.hasNews = true } }

    /// The only tasks of the store's own; `end` waits for them. A long compaction must not keep the other from looking.
    func begin(_ store: MailStore, keepsHouse: Bool) {
        let look = Task.detached { [weak store] in
            var isFirst = true
            while !Task.isCancelled, let store {
                await self.look(store, isFirst: isFirst)
                isFirst = false
                try? await Task.sleep(for: Self.lookInterval)
            }
        }
        let house = Task.detached { [weak store] in
            while keepsHouse {
                do { try await Task.sleep(for: Self.houseInterval) } catch { return }
                await store?.keepHouse()
            }
        }
        state.withLock { $0.tasks = [look, house] }
    }

    func end() async {
        let tasks = state.withLock { state in
            defer { state.tasks = [] }
            return state.tasks
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    private func look(_ store: MailStore, isFirst: Bool) async {
        await store.writer.look()
        let (hasNews, isUnfinished) = state.withLock { state in
            defer { state.hasNews = false }
            return (state.hasNews, state.isUnfinished)
        }
        guard hasNews || isUnfinished else { return }
        // Not forgotten when it fails: a password must not stay in plain text because the database was locked once.
        let isDone = await store.takeNotice()
        state.withLock { $0.isUnfinished = !isDone }
        if hasNews, !isFirst { store.wakes.wakeAll() }
    }
}

extension MailStore {
    /// Another process has written: settings, passwords, anything. False when something could not be done and is to be tried again.
    func takeNotice() async -> Bool {
        let isRead = await attempt("settings") { () async throws(StoreFailure) in try await self.reloadSettings() }
        let isHashed = await attempt("passwords") { () async throws(StoreFailure) in _ = try await self.hashPendingPasswords() }
        let isWiped = await attempt("plain passwords") { () async throws(StoreFailure) in try await self.wipePlainPasswords() }
        return isRead && isHashed && isWiped
    }

    /// A minute's share of the house-keeping. What fails is told, and tried again a minute later.
    func keepHouse() async {
        await attempt("snapshot") { () async throws(StoreFailure) in try await self.keepSnapshots() }
        await attempt("compaction") { () async throws(StoreFailure) in _ = try await self.compact() }
        await attempt("retired segments") { () async throws(StoreFailure) in _ = try await self.removeRetiredSegments() }
        await attempt("sweep") { () async throws(StoreFailure) in try await self.sweep() }
        await attempt("quarantine") { () async throws(StoreFailure) in try await self.sweepQuarantine() }
        await attempt("policies") { () async throws(StoreFailure) in try await self.sweepTransport(time: now()) }
    }

    private func keepSnapshots() async throws(StoreFailure) {
        do {
            let newest = try snapshots().last?.time ?? 0
            guard clockSeconds() - newest >= integer(.snapshotMinutes) * 60 else { return }
            try await takeSnapshot()
            try removeOldSnapshots()
        } catch {
            throw storeFailure(error)
        }
    }

    /// Whether it succeeded; when not, why is told.
    @discardableResult
    private func attempt(_ what: String, _ body: () async throws(StoreFailure) -> Void) async -> Bool {
        do throws(StoreFailure) {
            try await body()
            return true
        } catch {
            failureLog.tell(what, error)
            return false
        }
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
        try await sweepSentCounts()
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
