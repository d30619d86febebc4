package import Mail

/// RFC 3501 §9 `sequence-set`, of sequence numbers or unique identifiers. `*` is nil.
package struct SequenceSet: Sendable, Equatable {
    package struct Element: Sendable, Equatable {
        package var first: UInt32?
        package var last: UInt32?
    }

    package var elements: [Element]

    /// With `*` standing for `largest`. Bounds in either order. The number 0 never results (0 as `largest` means: there is none).
    package func resolved(largest: UInt32) -> UIDSet {
        var ranges: [ClosedRange<UInt32>] = []
        ranges.reserveCapacity(elements.count)
        for element in elements {
            let first = element.first ?? largest
            let last = element.last ?? largest
            let low = Swift.min(first, last)
            let high = Swift.max(first, last)
            if high > 0 { ranges.append(Swift.max(1, low)...high) }
        }
        return UIDSet(ranges)
    }

    /// The largest number that is named; nil when only `*` is.
    var largestNumber: UInt32? {
        elements.lazy.flatMap { [$0.first, $0.last] }.compactMap { $0 }.max()
    }

    var namesLargest: Bool { elements.contains { $0.first == nil || $0.last == nil } }
}

extension CommandReader {
    mutating func sequenceSet() throws(CommandError) -> SequenceSet {
        var elements: [SequenceSet.Element] = []
        repeat {
            let first = try sequenceNumber()
            let last = skip(0x3A) ? try sequenceNumber() : first
            elements.append(SequenceSet.Element(first: first, last: last))
        } while skip(0x2C)
        return SequenceSet(elements: elements)
    }

    private mutating func sequenceNumber() throws(CommandError) -> UInt32? {
        if skip(0x2A) { return nil }
        let number = try number()
        // RFC 3501 §9: nz-number.
        if number == 0 { throw .bad("0 is no message number") }
        return number
    }
}
