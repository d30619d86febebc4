import Dispatch
import Synchronization

/// A few threads for the arithmetic of handshakes (a signature, a key exchange: 0.1 to 2 ms each), so that no event loop waits for them.
package final class HandshakePool: Sendable {
    private let benches: [DispatchQueue]
    private let limit: Int
    private let next = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)

    /// `limit`: steps that wait or run at once; a connection that needs one more is refused.
    package init(threads: Int, limit: Int = 1_000) {
        benches = (0..<max(1, threads)).map { DispatchQueue(label: "buzon.tls.handshake.\($0)") }
        self.limit = limit
    }

    /// False when too much waits already: then the work is not done.
    func run(_ work: @escaping @Sendable () -> Void) -> Bool {
        guard waiting.add(1, ordering: .relaxed).newValue <= limit else {
            waiting.subtract(1, ordering: .relaxed)
            return false
        }
        benches[Int(UInt(bitPattern: next.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(benches.count))].async {
            work()
            self.waiting.subtract(1, ordering: .relaxed)
        }
        return true
    }
}
