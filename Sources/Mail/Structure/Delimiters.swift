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
    /// The boundaries by length, outer ones first: one hash that grows along the line is compared with each, so that a line
    /// costs its length and a glance at each boundary, also when a hundred are open that differ in their last byte only.
    private var candidates: [Candidate] = []

    private struct Candidate {
        let index: Int
        let count: Int
        let hash: UInt64
    }

    var isEmpty: Bool { boundaries.isEmpty }

    /// `container` is the depth at which the multipart stands in the parser's stack.
    mutating func open(_ boundary: [UInt8], container: Int) {
        let hash = boundary.reduce(Self.seed) { Self.extend($0, $1) }
        let place = candidates.firstIndex { $0.count > boundary.count } ?? candidates.count
        candidates.insert(Candidate(index: boundaries.count, count: boundary.count, hash: hash), at: place)
        boundaries.append((boundary, container))
    }

    /// Forgets the boundary at `index` and those within it.
    mutating func close(_ index: Int) {
        guard index < boundaries.count else { return }
        boundaries.removeSubrange(index...)
        candidates.removeAll { $0.index >= index }
    }

    mutating func removeAll() {
        close(0)
    }

    // FNV-1a.
    private static let seed: UInt64 = 0xCBF2_9CE4_8422_2325

    @inline(__always)
    private static func extend(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x0100_0000_01B3 }

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
        var hash = Self.seed
        var hashed = 0
        scan: for candidate in candidates {
            guard candidate.count <= end - start else { break }
            while hashed < candidate.count {
                let byte = bytes[start + hashed]
                // No boundary reaches over a line's end.
                if byte == .lineFeed { break scan }
                hash = Self.extend(hash, byte)
                hashed += 1
            }
            if hash == candidate.hash, Self.hasPrefix(bytes, at: start, to: end, boundaries[candidate.index].text) {
                best = candidate.index
                length = candidate.count
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
