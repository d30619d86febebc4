/// Distinct wrong passwords by key, in bounded memory. A value: whoever shares it locks it.
struct Tally: Sendable {
    struct Count: Sendable {
        /// Keyed hashes of the passwords.
        var seen: [UInt64] = []
        var failures = 0
        /// Seconds since 1970.
        var last: Int64 = 0
        /// End of the lockout; 0: none.
        var until: Int64 = 0
        /// Whether the lockout is in the database, from where it may be lifted.
        var isKept = false
    }

    /// Keys that are remembered.
    static let keyLimit = 16_384
    /// Passwords that are remembered for a key; from there on every one counts.
    static let passwordLimit = 64

    private(set) var counts: [String: Count] = [:]

    /// What is counted at `now`; what is older than `age` seconds is forgotten, and so is what led to a lockout that is over.
    mutating func count(of key: String, now: Int64, age: Int64) -> Count? {
        guard let count = counts[key] else { return nil }
        let isOver = count.until > 0 ? count.until <= now : count.last + age <= now
        guard isOver else { return count }
        counts[key] = nil
        return nil
    }

    /// Counts a wrong password; `password` nil: one that nobody saw, always another one. Answers how many there are.
    mutating func add(_ password: UInt64?, to key: String, now: Int64, age: Int64) -> Int {
        var count = count(of: key, now: now, age: age) ?? Count()
        count.last = now
        if let password {
            guard !count.seen.contains(password) else {
                counts[key] = count
                return count.failures
            }
            if count.seen.count < Self.passwordLimit { count.seen.append(password) }
        }
        count.failures += 1
        if counts[key] == nil { makeRoom() }
        counts[key] = count
        return count.failures
    }

    mutating func lock(_ key: String, until: Int64) { counts[key]?.until = until }

    /// A lockout from before the start.
    mutating func restore(_ key: String, failures: Int, last: Int64, until: Int64) {
        if counts[key] == nil { makeRoom() }
        counts[key] = Count(failures: failures, last: last, until: until, isKept: true)
    }

    mutating func kept(_ key: String) { counts[key]?.isKept = true }

    mutating func forget(_ key: String) { counts[key] = nil }

    /// An eighth goes: those that are locked, then those with many failures, then the newest, stay.
    private mutating func makeRoom() {
        guard counts.count >= Self.keyLimit else { return }
        let order = counts.sorted { left, right in
            let (l, r) = (left.value, right.value)
            return (l.until, l.failures, l.last) < (r.until, r.failures, r.last)
        }
        for entry in order.prefix(Self.keyLimit / 8) { counts[entry.key] = nil }
    }
}
