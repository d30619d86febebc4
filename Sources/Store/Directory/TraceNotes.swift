import Dispatch
import Synchronization

/// Trace entries that nobody waits for: refusals. They are gathered for a moment and written together, so that a flood of
/// refused commands costs a commit now and then, and memory within `limit`.
final class TraceNotes: Sendable {
    /// Entries that may wait; more are counted and told in one line.
    static let limit = 10_000
    /// How long entries are gathered.
    static let delay = DispatchTimeInterval.milliseconds(50)

    private struct State {
        var entries: [TraceEntry] = []
        var dropped = 0
        var isScheduled = false
    }

    private let state = Mutex(State())

    /// Whether a flush has to be scheduled.
    func add(_ entry: TraceEntry) -> Bool {
        state.withLock { state in
            if state.entries.count < Self.limit { state.entries.append(entry) } else { state.dropped += 1 }
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
    }

    func take() -> [TraceEntry] {
        state.withLock { state in
            defer { state = State() }
            if state.dropped > 0, var last = state.entries.last {
                last.event = "flood"
                last.recipient = ""
                last.text = "trace.flood\u{1F}count\u{1F}\(state.dropped)"
                state.entries.append(last)
            }
            return state.entries
        }
    }
}

extension MailStore {
    /// Writes an entry soon, and answers at once. It is not durable when this returns, and lost when the disk is full: for refusals,
    /// which promise nothing.
    package func note(_ entry: TraceEntry) {
        guard notes.add(entry) else { return }
        DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + TraceNotes.delay) { [weak self] in self?.flushNotes() }
    }

    /// Hands what waits over to the writer.
    func flushNotes() {
        let entries = notes.take()
        guard !entries.isEmpty else { return }
        writer.submit(Piece(work: { db, _ in try db.insert(entries) }, done: { _ in }))
    }
}
