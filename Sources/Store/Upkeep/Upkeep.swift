import Dispatch
import Synchronization

/// What the store does by itself: notices other processes' writes within a second, writes the log back, takes snapshots,
/// compacts, sweeps.
final class Upkeep: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var hasNews = true
    }

    /// Pages in the log after which they are written back.
    static let walLimit = 2_000
    private static let second: UInt64 = 1_000_000_000

    private let state = Mutex(State())

    /// Another process wrote, says the writer.
    func noticed() { state.withLock { $0.hasNews = true } }

    func begin(_ store: MailStore, keepsHouse: Bool) {
        // The one task of the store's own; `end` waits for it.
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
        // An empty piece: the batch asks for data_version.
        try? await store.writer.write { _, _ in }
        if state.withLock({ state in
            defer { state.hasNews = false }
            return state.hasNews
        }) {
            try? await store.reloadSettings()
            _ = try? await store.hashPendingPasswords()
            if tick > 0 { store.wakes.wakeAll() }
        }
        guard keepsHouse else { return }
        await store.keepHouse(tick: tick)
    }
}

extension MailStore {
    /// One second's share of the house-keeping.
    func keepHouse(tick: Int) async {
    }
}
