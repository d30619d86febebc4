import Dispatch
import Synchronization

/// A few threads for work that blocks or burns CPU, so that event loops never do either: password checks, searches, large
/// messages. Work beyond `backlog` is refused, never queued without bound.
package final class Workshop: Sendable {
    package struct Overloaded: Error {}

    /// Pieces of work that wait or run.
    private let backlog: Int
    private let benches: [DispatchQueue]
    private let next = Atomic<Int>(0)
    private let pending = Atomic<Int>(0)

    package init(threads: Int, backlog: Int = 2_000) {
        benches = (0..<max(1, threads)).map { DispatchQueue(label: "buzon.workshop.\($0)") }
        self.backlog = backlog
    }

    /// Runs `work` on one of the threads. Throws `Overloaded` when too much waits already, and what `work` throws.
    package func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        guard pending.add(1, ordering: .relaxed).newValue <= backlog else {
            pending.subtract(1, ordering: .relaxed)
            throw Overloaded()
        }
        defer { pending.subtract(1, ordering: .relaxed) }
        let bench = benches[Int(UInt(bitPattern: next.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(benches.count))]
        return try await withCheckedThrowingContinuation { continuation in
            bench.async { continuation.resume(with: Swift.Result { try work() }) }
        }
    }
}
