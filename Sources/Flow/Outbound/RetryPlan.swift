/// When a recipient is tried again, when the sender hears of a delay, and when it is given up.
package struct RetryPlan: Sendable, Equatable {
    /// Seconds between attempts; the last one is repeated.
    package var waits: [Int]
    /// Seconds from the message's arrival.
    package var lifetime: Int
    package var warning: Int

    package init(waits: [Int], lifetime: Int, warning: Int) {
        self.waits = waits
        self.lifetime = lifetime
        self.warning = warning
    }

    /// `attempts`: the one that just failed included. Nil: its time is over.
    package func next(attempts: Int, since: Int64, now: Int64) -> Int64? {
        let end = since + Int64(lifetime)
        // RFC 5321 §4.5.4.1: 4 to 5 days.
        guard now < end else { return nil }
        let wait = waits.isEmpty ? 1_800 : waits[min(max(attempts, 1), waits.count) - 1]
        // The last attempt is when the time is over.
        return min(now + Int64(max(1, wait)), end)
    }

    package func isWarningDue(since: Int64, now: Int64) -> Bool { now >= since + Int64(warning) }
}
