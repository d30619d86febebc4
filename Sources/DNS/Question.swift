internal import Synchronization

/// A look-up under way: resolved once, by whoever comes first.
final class Question: Sendable {
    private enum State {
        case asked
        case awaited(CheckedContinuation<Answer, Never>)
        case resolved(Answer)
        case over
    }

    let name: QueryName
    let type: UInt16
    let deadline: ContinuousClock.Instant
    private let state = Mutex(State.asked)

    init(_ name: QueryName, type: UInt16, deadline: ContinuousClock.Instant) {
        self.name = name
        self.type = type
        self.deadline = deadline
    }

    var isResolved: Bool {
        state.withLock {
            switch $0 {
            case .asked, .awaited: false
            case .resolved, .over: true
            }
        }
    }

    func resolve(_ answer: Answer) {
        let continuation = state.withLock { state -> CheckedContinuation<Answer, Never>? in
            switch state {
            case .asked: state = .resolved(answer)
            case .awaited(let continuation):
                state = .over
                return continuation
            case .resolved, .over: break
            }
            return nil
        }
        continuation?.resume(returning: answer)
    }

    /// Once.
    func answer() async -> Answer {
        await withCheckedContinuation { continuation in
            let answer = state.withLock { state -> Answer? in
                if case .resolved(let answer) = state {
                    state = .over
                    return answer
                }
                state = .awaited(continuation)
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }
}
