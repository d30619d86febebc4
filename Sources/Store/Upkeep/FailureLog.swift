import Synchronization

/// What failed without anybody having asked for it, on its way to the log: each kind at most once a minute.
final class FailureLog: Sendable {
    private static let interval = 60

    private let report: @Sendable (String) -> Void
    private let times = Mutex<[String: Int]>([:])

    init(_ report: @escaping @Sendable (String) -> Void) { self.report = report }

    func tell(_ what: String, _ failure: StoreFailure) {
        // The store was closed in the middle of it.
        if failure == .closed { return }
        let kind = "\(what): \(failure.code)"
        let now = clockSeconds()
        let isDue = times.withLock { times in
            // The difference is negative after the clock was set back.
            if let last = times[kind], (0..<Self.interval).contains(now - last) { return false }
            times[kind] = now
            return true
        }
        guard isDue else { return }
        switch failure {
        case .ioError(let text), .invalid(let text), .limit(let text): report("\(kind): \(text)")
        default: report(kind)
        }
    }
}
