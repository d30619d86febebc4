/// RFC 3501 §2.3.1.1: never 0.
package typealias UID = UInt32

/// RFC 7162 §3.1: 63 bits, never 0 for a message.
package typealias ModSeq = Int64

/// A set of unique identifiers as ascending, disjoint, non-adjacent ranges: a mailbox of a million messages without
/// gaps is one range.
package struct UIDSet: Hashable, Sendable {
    package private(set) var ranges: [ClosedRange<UID>]

    package init() { ranges = [] }

    package init(_ range: ClosedRange<UID>) { ranges = [range] }

    /// From ranges in any order, overlapping or not.
    package init(_ unordered: some Sequence<ClosedRange<UID>>) {
        ranges = []
        for range in unordered.sorted(by: { $0.lowerBound < $1.lowerBound }) { append(range) }
    }

    package init(uids: some Sequence<UID>) {
        self.init(uids.map { $0...$0 })
    }

    package var isEmpty: Bool { ranges.isEmpty }
    package var count: Int { ranges.reduce(0) { $0 + $1.count } }
    package var first: UID? { ranges.first?.lowerBound }
    package var last: UID? { ranges.last?.upperBound }

    /// Adds a range that begins at or after the beginning of the last one. Amortised O(1).
    package mutating func append(_ range: ClosedRange<UID>) {
        guard let last = ranges.last else {
            ranges.append(range)
            return
        }
        precondition(range.lowerBound >= last.lowerBound)
        if range.lowerBound <= last.upperBound || range.lowerBound == last.upperBound &+ 1 {
            ranges[ranges.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
        } else {
            ranges.append(range)
        }
    }

    package mutating func append(_ uid: UID) { append(uid...uid) }

    package func contains(_ uid: UID) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < uid { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(uid)
    }

    package func intersection(_ other: UIDSet) -> UIDSet {
        var result = UIDSet()
        var left = 0
        var right = 0
        while left < ranges.count, right < other.ranges.count {
            let a = ranges[left]
            let b = other.ranges[right]
            let low = Swift.max(a.lowerBound, b.lowerBound)
            let high = Swift.min(a.upperBound, b.upperBound)
            if low <= high { result.append(low...high) }
            if a.upperBound < b.upperBound { left += 1 } else { right += 1 }
        }
        return result
    }

    package func subtracting(_ other: UIDSet) -> UIDSet {
        var result = UIDSet()
        var right = 0
        for range in ranges {
            var low = range.lowerBound
            var isExhausted = false
            while right < other.ranges.count, other.ranges[right].upperBound < low { right += 1 }
            var cursor = right
            while cursor < other.ranges.count, other.ranges[cursor].lowerBound <= range.upperBound {
                let cut = other.ranges[cursor]
                if cut.lowerBound > low { result.append(low...(cut.lowerBound - 1)) }
                if cut.upperBound >= range.upperBound {
                    isExhausted = true
                    break
                }
                low = Swift.max(low, cut.upperBound + 1)
                cursor += 1
            }
            if !isExhausted { result.append(low...range.upperBound) }
        }
        return result
    }

    package func union(_ other: UIDSet) -> UIDSet {
        UIDSet(ranges + other.ranges)
    }
}

extension UIDSet: Sequence {
    package func makeIterator() -> AnyIterator<UID> {
        var range = 0
        var next: UID? = ranges.first?.lowerBound
        return AnyIterator {
            guard let uid = next else { return nil }
            if uid < ranges[range].upperBound {
                next = uid + 1
            } else {
                range += 1
                next = range < ranges.count ? ranges[range].lowerBound : nil
            }
            return uid
        }
    }

    package var underestimatedCount: Int { count }
}

extension UIDSet: CustomStringConvertible {
    /// As RFC 3501 writes a sequence set: `1:3,7`. Empty when the set is.
    package var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }.joined(separator: ",")
    }
}
