/// Points of a spam score, exact to three digits after the point, between -10000 and 10000: sums come out the same in any order.
package struct Points: Hashable, Sendable, Comparable {
    package static let limit = 10_000

    package var thousandths: Int

    package init(thousandths: Int) { self.thousandths = thousandths }

    /// `5`, `-1000`, `+0.5`, `6.310`. Nil for anything else, more digits after the point, and numbers out of range.
    package init?(_ text: String) {
        var digits = Array(text.utf8)[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
        let parts = digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 1 || parts.count == 2 && (1...3).contains(parts[1].count), (1...8).contains(parts[0].count),
            parts.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } })
        else { return nil }
        let fraction = parts.count == 2 ? Array(parts[1]) : []
        let padded = fraction + [UInt8](repeating: 0x30, count: 3 - fraction.count)
        let value = (parts[0] + padded).reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard value <= Self.limit * 1_000 else { return nil }
        thousandths = isNegative ? -value : value
    }

    package var value: Double { Double(thousandths) / 1_000 }

    package static func < (left: Points, right: Points) -> Bool { left.thousandths < right.thousandths }
}

extension Points: CustomStringConvertible {
    /// Without needless zeros: `5`, `-0.25`.
    package var description: String {
        let (whole, fraction) = thousandths.magnitude.quotientAndRemainder(dividingBy: 1_000)
        let sign = thousandths < 0 ? "-" : ""
        guard fraction > 0 else { return "\(sign)\(whole)" }
        var digits = String(String(1_000 + fraction).dropFirst())
        while digits.last == "0" { digits.removeLast() }
        return "\(sign)\(whole).\(digits)"
    }
}
