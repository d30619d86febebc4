/// RFC 3501 §6.3.8: a pattern of LIST and LSUB, matched against names as they go on the wire.
///
/// All positions of the pattern that the name's beginning can have reached are bits, moved by one byte of the name at a
/// time: linear in the name, whatever the wildcards.
struct MailboxPattern {
    /// Bytes of a pattern, reference included.
    static let maximumLength = 1_024

    private let length: Int
    private let words: Int
    /// For each byte value, the positions whose literal it is.
    private let literals: [UInt64]
    private let wildcards: [UInt64]
    /// The wildcards that step over the separator as well.
    private let stars: [UInt64]
    private let isFolded: Bool

    /// Nil when it is too long.
    init?(_ pattern: [UInt8], isFolded: Bool = false) {
        guard pattern.count <= Self.maximumLength else { return nil }
        var tokens: [UInt8] = []
        for byte in pattern {
            let isWildcard = byte == 0x25 || byte == 0x2A
            if isWildcard, let last = tokens.last, last == 0x25 || last == 0x2A {
                if byte == 0x2A { tokens[tokens.count - 1] = byte }
            } else {
                tokens.append(isFolded ? upperCased(byte) : byte)
            }
        }
        length = tokens.count
        words = tokens.count / 64 + 1
        self.isFolded = isFolded
        var literals = [UInt64](repeating: 0, count: 256 * words)
        var wildcards = [UInt64](repeating: 0, count: words)
        var stars = wildcards
        for (position, token) in tokens.enumerated() {
            let bit: UInt64 = 1 << UInt64(position % 64)
            switch token {
            case 0x25: wildcards[position / 64] |= bit
            case 0x2A:
                wildcards[position / 64] |= bit
                stars[position / 64] |= bit
            default: literals[Int(token) * words + position / 64] |= bit
            }
        }
        self.literals = literals
        self.wildcards = wildcards
        self.stars = stars
    }

    func matches(_ name: some Sequence<UInt8>) -> Bool {
        var states = [UInt64](repeating: 0, count: words)
        states[0] = 1
        passWildcards(&states)
        for raw in name {
            let byte = isFolded ? upperCased(raw) : raw
            let row = Int(byte) * words
            var carry: UInt64 = 0
            for word in 0..<words {
                let moved = states[word] & literals[row + word]
                let staying = states[word] & (byte == MailboxName.separator ? stars[word] : wildcards[word])
                states[word] = moved << 1 | carry | staying
                carry = moved >> 63
            }
            passWildcards(&states)
        }
        return states[length / 64] & (1 << UInt64(length % 64)) != 0
    }

    /// A wildcard may stand for nothing. No two wildcards are neighbours, so once is enough.
    private func passWildcards(_ states: inout [UInt64]) {
        var carry: UInt64 = 0
        for word in 0..<words {
            let passed = states[word] & wildcards[word]
            states[word] |= passed << 1 | carry
            carry = passed >> 63
        }
    }
}

/// A pattern and its form for INBOX, whose case does not count (RFC 3501 §5.1).
struct MailboxPatterns {
    private let exact: MailboxPattern
    private let folded: MailboxPattern

    init?(_ pattern: [UInt8]) {
        guard let exact = MailboxPattern(pattern), let folded = MailboxPattern(pattern, isFolded: true) else { return nil }
        self.exact = exact
        self.folded = folded
    }

    /// `name` as on the wire.
    func matches(_ name: [UInt8]) -> Bool {
        let isInbox = name.starts(with: "INBOX".utf8) && (name.count == 5 || name[5] == MailboxName.separator)
        return isInbox ? folded.matches(name) : exact.matches(name)
    }
}
