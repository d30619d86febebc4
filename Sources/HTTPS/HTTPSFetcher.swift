internal import Dispatch
internal import Synchronization

/// Fetches on a few threads of its own; no task ever waits within libcurl.
package final class HTTPSFetcher: Sendable {
    private let threads: [DispatchQueue]
    private let backlog: Int
    private let roots: Roots
    private let pending = Atomic<Int>(0)
    private let next = Atomic<Int>(0)

    /// `extraRoots`: a file of certificates (PEM) that are trusted beside the system's. What is beyond `backlog` waits in vain: it is
    /// `.overloaded` at once.
    package init(threads: Int = 4, backlog: Int = 200, extraRoots: String? = nil) {
        self.threads = (0..<max(1, threads)).map { DispatchQueue(label: "buzon.https.\($0)") }
        self.backlog = backlog
        roots = Roots(extraFile: extraRoots)
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
        let thread = threads[Int(UInt(bitPattern: next.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(threads.count))]
        let result: Result<HTTPSResponse, HTTPSFailure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                thread.async { [roots] in
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
