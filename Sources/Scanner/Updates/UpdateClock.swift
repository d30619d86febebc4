import Glibc

/// Time and chance, for tests to replace.
package struct UpdateClock: Sendable {
    /// Seconds since 1970.
    package var now: @Sendable () -> Int64
    package var sleep: @Sendable (Duration) async throws -> Void
    /// 0 to 1.
    package var spread: @Sendable () -> Double

    package init(
        now: @escaping @Sendable () -> Int64, sleep: @escaping @Sendable (Duration) async throws -> Void,
        spread: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.sleep = sleep
        self.spread = spread
    }

    package static let system = UpdateClock(
        now: { Int64(time(nil)) }, sleep: { try await Task.sleep(for: $0) }, spread: { .random(in: 0..<1) })
}
