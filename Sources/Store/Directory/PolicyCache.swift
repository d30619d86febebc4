import Filter
import Synchronization

/// Policies that were asked for lately, as long as the directory stays as it is.
final class PolicyCache: Sendable {
    /// Scopes and entries of their lists that are kept; at more all are forgotten.
    static let limit = 100_000

    private struct State {
        var generation: UInt64 = 0
        /// What each scope says by itself: users of a domain share its part.
        var parts: [PolicyScope: ScopePolicy] = [:]
        var layers: [PolicyScope: PolicyLayers] = [:]
        var weight = 0
        var wantsVirusChecks: Bool?

        mutating func makeRoom(_ weight: Int) {
            if self.weight + weight > PolicyCache.limit { self = State(generation: generation) }
            self.weight += weight
        }
    }

    private let state = Mutex(State())

    func find(_ scope: PolicyScope, _ generation: UInt64) -> PolicyLayers? {
        state.withLock { $0.generation == generation ? $0.layers[scope] : nil }
    }

    func parts(_ scopes: Set<PolicyScope>, _ generation: UInt64) -> [PolicyScope: ScopePolicy] {
        state.withLock { state in
            guard state.generation == generation else { return [:] }
            var found: [PolicyScope: ScopePolicy] = [:]
            for scope in scopes { found[scope] = state.parts[scope] }
            return found
        }
    }

    /// `generation`: the one before the look-up began.
    func keep(_ parts: [PolicyScope: ScopePolicy], _ layers: [PolicyScope: PolicyLayers], _ generation: UInt64) {
        state.withLock { state in
            guard generation >= state.generation else { return }
            if generation > state.generation { state = State(generation: generation) }
            for (scope, part) in parts where state.parts[scope] == nil {
                state.makeRoom(1 + part.senders.count)
                state.parts[scope] = part
            }
            for (scope, layer) in layers where state.layers[scope] == nil {
                state.makeRoom(1)
                state.layers[scope] = layer
            }
        }
    }

    func wantsVirusChecks(_ generation: UInt64) -> Bool? {
        state.withLock { $0.generation == generation ? $0.wantsVirusChecks : nil }
    }

    func keep(wantsVirusChecks: Bool, _ generation: UInt64) {
        state.withLock { state in
            guard generation >= state.generation else { return }
            if generation > state.generation { state = State(generation: generation) }
            state.wantsVirusChecks = wantsVirusChecks
        }
    }
}
