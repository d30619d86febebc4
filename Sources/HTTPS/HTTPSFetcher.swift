internal import Dispatch
internal import Synchronization

/// Fetches on threads of its own; no task ever waits within libcurl. A host that hangs holds one thread until the request's time is over:
/// whatever comes meanwhile takes another one.
package final class HTTPSFetcher: Sendable {
    private typealias Work = @Sendable () -> Void

    private struct State {
        var idle: [DispatchQueue]
        var waiting: [Work] = []
    }

    private let state: Mutex<State>
    private let backlog: Int
    private let roots: Roots
    private let pending = Atomic<Int>(0)

    /// `extraRoots`: a file of certificates (PEM) that are trusted beside the system's. `threads`: transfers at once; they are started when
    /// they are needed. What is beyond `backlog` waits in vain: it is `.overloaded` at once.
    package init(threads: Int = 24, backlog: Int = 200, extraRoots: String? = nil) {
        state = Mutex(State(idle: (0..<max(1, threads)).map { DispatchQueue(label: "buzon.https.\($0)") }))
        self.backlog = backlog
        roots = Roots(extraFile: extraRoots)
    }

    /// On a thread that is idle, or on the first that will be.
    private func run(_ work: @escaping Work) {
        let thread = state.withLock { state -> DispatchQueue? in
            guard let thread = state.idle.popLast() else {
                state.waiting.append(work)
                return nil
            }
            return thread
        }
        thread.map { occupy($0, work) }
    }

    private func occupy(_ thread: DispatchQueue, _ work: @escaping Work) {
        thread.async {
            work()
            let next = self.state.withLock { state -> Work? in
                guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
                state.idle.append(thread)
                return nil
            }
            if let next { self.occupy(thread, next) }
        }
    }

    package func get(_ request: HTTPSRequest) async throws(HTTPSFailure) -> HTTPSResponse {
        guard pending.add(1, ordering: .relaxed).newValue <= backlog else {
            pending.subtract(1, ordering: .relaxed)
            throw .overloaded
        }
        defer { pending.subtract(1, ordering: .relaxed) }
        // The time in the queue counts.
        let deadline = ContinuousClock.now + request.timeLimit
        let isAbandoned = Abandonment()
        let result: Result<HTTPSResponse, HTTPSFailure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                run { [roots] in
                    continuation.resume(returning: Transfer.run(request, roots, deadline: deadline, isAbandoned))
                }
            }
        } onCancel: {
            isAbandoned.value.store(true, ordering: .relaxed)
        }
        return try result.get()
    }
}

/// Whether nobody waits for a transfer any more.
final class Abandonment: Sendable {
    let value = Atomic<Bool>(false)
}

/// Whom the client trusts.
struct Roots: Sendable {
    var extraFile: String?
    /// Debian's ca-certificates, by hash; the file of all of them is libcurl's own default.
    static let directory = "/etc/ssl/certs"
}
