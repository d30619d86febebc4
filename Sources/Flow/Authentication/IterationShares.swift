import Credentials
import Store
import Synchronization

/// Which iteration count a stranger's invented verifiers have. Users get the setting's when their password is set or shown, so that after
/// a change of the setting several counts are about; if strangers all had the setting's, a user who has another would be known by it.
final class IterationShares: Sendable {
    private let store: MailStore
    private let invention: Invention
    private let age: Duration
    private let state: Mutex<Known>

    private struct Known: Sendable {
        /// Users by count.
        var users: [Int: Int]
        var read: ContinuousClock.Instant
    }

    /// `age`: how long what was read counts. Reading goes through all verifiers.
    init(store: MailStore, invention: Invention, age: Duration = .seconds(60)) async throws(StoreFailure) {
        self.store = store
        self.invention = invention
        self.age = age
        state = Mutex(Known(users: try await store.usersByIterations(), read: .now))
    }

    /// Drawn from the counts that users have, by how many have each: the same for the same name as long as these stand. When users move
    /// from one count to another, strangers do. May block.
    func iterations(of stranger: String) -> Int {
        invention.iterations(of: stranger, among: current()) ?? store.integer(.iterations)
    }

    private func current() -> [Int: Int] {
        let now = ContinuousClock.now
        let (users, isOld) = state.withLock { known in
            let isOld = now - known.read >= age
            // One reads; the others go on with what there is.
            if isOld { known.read = now }
            return (known.users, isOld)
        }
        guard isOld, let fresh = try? store.usersByIterationsNow() else { return users }
        state.withLock { $0.users = fresh }
        return fresh
    }
}
