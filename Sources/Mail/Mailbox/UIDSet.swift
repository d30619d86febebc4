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

    /// Adds a range. Amortised O(1) when it begins at or after the beginning of the last one, otherwise O(n).
    package mutating func append(_ range: ClosedRange<UID>) {
        guard let last = ranges.last else {
            ranges.append(range)
            return
        }
        guard range.lowerBound >= last.lowerBound else {
            self = UIDSet(ranges + [range])
            return
        }
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
    /// In ascending order. A set that a client wrote (`1:*`) may have four thousand million members: intersect it first.
    package struct Iterator: IteratorProtocol {
        fileprivate var ranges: ArraySlice<ClosedRange<UID>>
        fileprivate var following: UID?

        package mutating func next() -> UID? {
            guard let uid = following, let range = ranges.first else { return nil }
            if uid < range.upperBound {
                following = uid + 1
            } else {
                ranges.removeFirst()
                following = ranges.first?.lowerBound
            }
            return uid
        }
    }

    package func makeIterator() -> Iterator { Iterator(ranges: ranges[...], following: ranges.first?.lowerBound) }

    /// Capped: what reserves memory by this must not take a client's word for it.
    package var underestimatedCount: Int { Swift.min(count, 65_536) }
}

extension UIDSet: CustomStringConvertible {
    /// As RFC 3501 writes a sequence set: `1:3,7`. Empty when the set is.
    package var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }.joined(separator: ",")
    }
}
