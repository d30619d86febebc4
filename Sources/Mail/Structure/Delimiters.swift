import Glibc

/// The boundaries of the multiparts that are open at a point of a message, outermost first.
struct Delimiters {
    struct Match {
        /// Index in `boundaries`.
        let index: Int
        /// RFC 2046 §5.1.1: two hyphens behind the boundary close the multipart.
        let isClosing: Bool
    }

    private(set) var boundaries: [(text: [UInt8], container: Int)] = []
    /// The first up to eight bytes of each boundary and which of them count: most lines are told apart by these alone, also
    /// when a hundred boundaries are open.
    private var heads: [(bytes: UInt64, mask: UInt64)] = []
    var isEmpty: Bool { boundaries.isEmpty }

    /// `container` is the depth at which the multipart stands in the parser's stack.
    mutating func open(_ boundary: [UInt8], container: Int) {
        boundaries.append((boundary, container))
        var head: (bytes: UInt64, mask: UInt64) = (0, 0)
        for (index, byte) in boundary.prefix(8).enumerated() {
            head.bytes |= UInt64(byte) << (8 * UInt64(index))
            head.mask |= 0xFF << (8 * UInt64(index))
        }
        heads.append(head)
    }

    /// Forgets the boundary at `index` and those within it.
    mutating func close(_ index: Int) {
        boundaries.removeSubrange(index...)
        heads.removeSubrange(index...)
    }

    mutating func removeAll() {
        boundaries.removeAll()
        heads.removeAll()
    }

    /// The multipart whose delimiter line begins at `line`.
    ///
    /// RFC 2046 §5.1.1: a delimiter line need only begin with the boundary. When one boundary is the beginning of another
    /// the longest that matches wins, and of equal ones the innermost.
    @inline(__always)
    func match(_ bytes: UnsafeBufferPointer<UInt8>, at line: Int, to end: Int) -> Match? {
        guard line + 2 < end, bytes[line] == .hyphen, bytes[line + 1] == .hyphen else { return nil }
        return longestMatch(bytes, at: line + 2, to: end)
    }

    private func longestMatch(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int, to end: Int) -> Match? {
        var best: Int?
        var length = 0
        var head: UInt64 = 0
        for index in 0..<Swift.min(8, end - start) { head |= UInt64(bytes[start + index]) << (8 * UInt64(index)) }
        for index in boundaries.indices.reversed() where (head ^ heads[index].bytes) & heads[index].mask == 0 {
            let count = boundaries[index].text.count
            if count > length, Self.hasPrefix(bytes, at: start, to: end, boundaries[index].text) {
                best = index
                length = count
            }
        }
        guard let best else { return nil }
        let after = start + length
        let isClosing = after + 1 < end && bytes[after] == .hyphen && bytes[after + 1] == .hyphen
        return Match(index: best, isClosing: isClosing)
    }

    static func hasPrefix(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int, to end: Int, _ text: [UInt8]) -> Bool {
        guard end - start >= text.count, let base = bytes.baseAddress else { return false }
        return text.withUnsafeBufferPointer { other in
            guard let otherBase = other.baseAddress else { return true }
            return memcmp(base + start, otherBase, other.count) == 0
        }
    }
}
