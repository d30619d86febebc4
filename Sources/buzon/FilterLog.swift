import Logging
import Synchronization

/// Puts into the log what the checks kept from people, a line for each message as mail servers do: a minute has so many, and what goes
/// beyond is counted, so that a flood of viruses fills no disk.
final class FilterLog: Sendable {
    static let limit = 100
    private static let interval = Duration.seconds(60)

    private struct Minute {
        var begin: ContinuousClock.Instant
        var lines = 0
        var suppressed = 0
    }

    private let log: Logger
    private let minute: Mutex<Minute>
    private let now: @Sendable () -> ContinuousClock.Instant

    init(_ log: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.log = log
        self.now = now
        minute = Mutex(Minute(begin: now()))
    }

    /// The first line of a minute also says how many the last one left out.
    func tell(_ line: String) {
        let now = now()
        let suppressed: Int? = minute.withLock { minute in
            if now - minute.begin < Self.interval {
                guard minute.lines < Self.limit else {
                    minute.suppressed += 1
                    return nil
                }
                minute.lines += 1
                return 0
            }
            defer { minute = Minute(begin: now, lines: 1) }
            return minute.suppressed
        }
        guard let suppressed else { return }
        log.info("\(line)", metadata: suppressed > 0 ? ["suppressed": "\(suppressed)"] : nil)
    }
}
