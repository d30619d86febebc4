import Synchronization

/// How many connections may be open at once, in all and for one address (IPv6: one /64). Loopback is counted in all only:
/// whoever is on the machine shares one address there.
package struct ConnectionCaps: Sendable {
    package var total: Int
    package var perAddress: Int

    package init(total: Int = 4_000, perAddress: Int = 50) {
        self.total = total
        self.perAddress = perAddress
    }
}

final class ConnectionLimits: Sendable {
    private struct Counts {
        var total = 0
        var byAddress: [String: Int] = [:]
    }

    private let counts = Mutex(Counts())

    /// False when the connection is one too many; then nothing was counted.
    func enter(_ address: String, isLoopback: Bool, _ caps: ConnectionCaps) -> Bool {
        counts.withLock { counts in
            guard counts.total < caps.total else { return false }
            if !isLoopback {
                let key = Self.key(address)
                let count = counts.byAddress[key, default: 0]
                guard count < caps.perAddress else { return false }
                counts.byAddress[key] = count + 1
            }
            counts.total += 1
            return true
        }
    }

    func leave(_ address: String, isLoopback: Bool) {
        counts.withLock { counts in
            counts.total -= 1
            guard !isLoopback else { return }
            let key = Self.key(address)
            guard let count = counts.byAddress[key] else { return }
            counts.byAddress[key] = count > 1 ? count - 1 : nil
        }
    }

    /// A host owns at least a /64: its four first groups stand for it.
    static func key(_ address: String) -> String {
        guard address.utf8.contains(UInt8(ascii: ":")) else { return address }
        let halves = address.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        let head = halves[0].split(separator: ":")
        if halves.count == 1 || head.count >= 4 { return head.prefix(4).joined(separator: ":") }
        let tail = halves[1].split(separator: ":")
        let zeros = max(0, 8 - head.count - tail.count)
        return (head + Array(repeating: "0", count: zeros) + tail).prefix(4).joined(separator: ":")
    }
}
