import Synchronization

/// Expansions of addresses that were accepted lately, as long as the directory stays as it is: the same few addresses get
/// most of a server's mail, and a look-up in the database means waiting for another thread.
package final class ExpansionCache: Sendable {
    /// Addresses that are kept; at one more all are forgotten.
    static let limit = 10_000

    private struct State {
        var generation: UInt64 = 0
        var expansions: [String: Expansion] = [:]
        /// Of addresses elsewhere: only who may send there gets them.
        var relayed: [String: Expansion] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    func find(_ key: String, _ generation: UInt64, mayRelay: Bool) -> Expansion? {
        state.withLock { state in
            guard state.generation == generation else { return nil }
            return state.expansions[key] ?? (mayRelay ? state.relayed[key] : nil)
        }
    }

    /// `generation`: the one before the look-up began.
    func keep(_ expansion: Expansion, for key: String, _ generation: UInt64, isRelayed: Bool) {
        state.withLock { state in
            if state.generation != generation || state.expansions.count + state.relayed.count >= Self.limit {
                guard generation >= state.generation else { return }
                state = State(generation: generation)
            }
            if isRelayed { state.relayed[key] = expansion } else { state.expansions[key] = expansion }
        }
    }
}
