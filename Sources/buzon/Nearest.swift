/// What somebody may have meant who wrote a name that is none.
enum Nearest {
    /// Longer words are no slip of the finger.
    private static let limit = 64

    /// The candidate that the fewest slips lead to: letters too many, too few, wrong, or two in the wrong order. Nil where even that is
    /// more than a third of it.
    static func name(to written: String, among candidates: [String]) -> String? {
        let word = Array(written.lowercased().replacing("_", with: "-").utf8.prefix(limit + 1))
        guard word.count <= limit else { return nil }
        let found = candidates.map { (name: $0, count: slips(word, Array($0.lowercased().replacing("_", with: "-").utf8))) }
        guard let best = found.min(by: { $0.count < $1.count }), best.count <= max(1, min(word.count, best.name.utf8.count) / 3) else {
            return nil
        }
        return best.name
    }

    /// Optimal string alignment.
    private static func slips(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var rows = [[Int]](repeating: Array(0...right.count), count: 3)
        for i in left.indices {
            rows = [rows[1], rows[2], [i + 1] + [Int](repeating: 0, count: right.count)]
            for j in right.indices {
                let cost = left[i] == right[j] ? 0 : 1
                var count = min(rows[1][j + 1] + 1, rows[2][j] + 1, rows[1][j] + cost)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { count = min(count, rows[0][j - 1] + 1) }
                rows[2][j + 1] = count
            }
        }
        return rows[2][right.count]
    }
}
