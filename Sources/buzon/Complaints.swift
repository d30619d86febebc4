import Logging
import Synchronization

/// Puts into the log what went wrong, one line of a kind a minute: a full disk must not fill it further.
final class Complaints: Sendable {
    private static let interval = Duration.seconds(60)

    private struct Kind {
        var last: ContinuousClock.Instant
        var suppressed = 0
    }

    private let log: Logger
    private let kinds = Mutex<[String: Kind]>([:])

    init(_ log: Logger) { self.log = log }

    func report(_ kind: String, _ line: String) {
        let now = ContinuousClock.now
        let suppressed: Int? = kinds.withLock { kinds in
            if let known = kinds[kind], now - known.last < Self.interval {
                kinds[kind]?.suppressed += 1
                return nil
            }
            defer { kinds[kind] = Kind(last: now) }
            return kinds[kind]?.suppressed ?? 0
        }
        guard let suppressed else { return }
        log.error("\(kind): \(line)", metadata: suppressed > 0 ? ["suppressed": "\(suppressed)"] : nil)
    }
}
