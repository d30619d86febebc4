import Filter
import Synchronization

/// What a verdict depends on.
struct VerdictKey: Hashable, Sendable {
    /// SHA-256 of the whole message.
    var digest: [UInt8]
    var order: InspectionOrder
    /// Signatures, limits and switches; for names, limits only.
    var engine: String

    /// Few differ in anything else, and the rest is long.
    func hash(into hasher: inout Hasher) {
        digest.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(16))) }
    }
}

/// Definite verdicts of lately. Two generations: what is asked for again moves to the younger one, the older one goes as a whole.
final class VerdictCache: Sendable {
    private struct State: Sendable {
        var young: [VerdictKey: Inspection] = [:]
        var old: [VerdictKey: Inspection] = [:]
    }

    private let generation: Int
    private let state = Mutex(State())

    init(count: Int = 4_096) { generation = max(1, count / 2) }

    var count: Int { state.withLock { $0.young.count + $0.old.count } }

    func find(_ key: VerdictKey) -> Inspection? {
        state.withLock { state in
            if let known = state.young[key] { return known }
            guard let known = state.old.removeValue(forKey: key) else { return nil }
            insert(known, key, &state)
            return known
        }
    }

    /// Only what will be the same the next time is kept: no failure, and nothing that the clock decided.
    func keep(_ inspection: Inspection, _ key: VerdictKey) {
        guard !inspection.limits.contains("time") else { return }
        switch inspection.virus {
        case .poisoned, .unavailable: return
        case .notAsked, .clean, .infected: break
        }
        state.withLock { insert(inspection, key, &$0) }
    }

    private func insert(_ inspection: Inspection, _ key: VerdictKey, _ state: inout State) {
        if state.young.count >= generation {
            state.old = state.young
            state.young = [:]
        }
        state.old[key] = nil
        state.young[key] = inspection
    }
}
