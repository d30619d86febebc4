import Logging
import Synchronization
import Testing

@testable import buzon

/// Remembers what it was told.
private final class Kept: LogHandler, Sendable {
    let lines = Mutex<[String]>([])
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        let suppressed = event.metadata?["suppressed"].map { " (\($0))" } ?? ""
        lines.withLock { $0.append("\(event.level): \(event.message)\(suppressed)") }
    }
}

@Suite struct FilterLogTests {
    @Test func aFloodFillsNoLog() {
        let kept = Kept()
        let clock = Mutex(ContinuousClock.now)
        let log = FilterLog(Logger(label: "test", factory: { _ in kept })) { clock.withLock { $0 } }
        for number in 0..<1_000 { log.tell("\(number)") }
        #expect(kept.lines.withLock { $0 } == (0..<FilterLog.limit).map { "info: \($0)" })
        clock.withLock { $0 += .seconds(61) }
        for number in 0..<3 { log.tell("later \(number)") }
        #expect(
            kept.lines.withLock { Array($0.dropFirst(FilterLog.limit)) } == [
                "info: later 0 (900)", "info: later 1", "info: later 2",
            ])
    }
}
