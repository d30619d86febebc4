import Synchronization

/// Names of messages in replies, logs and traces: time and a counter, so that they sort and never repeat.
package final class QueueIDs: Sendable {
    private let last = Mutex<UInt64>(0)

    package init() {}

    /// 11 characters of `0-9A-Z` without I, L, O and U: microseconds since 1970, made unique by counting on.
    package func next(microseconds now: UInt64) -> String {
        let value = last.withLock { last in
            last = max(last &+ 1, now)
            return last
        }
        let digits = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
        var text: [UInt8] = []
        for shift in stride(from: 50, through: 0, by: -5) { text.append(digits[Int(value >> UInt64(shift)) & 31]) }
        return String(decoding: text, as: UTF8.self)
    }
}
