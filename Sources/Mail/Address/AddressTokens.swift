/// The tokens of RFC 5322 §3.2 in an address list, on bytes that may be anything.
struct AddressTokens {
    enum Token {
        case end
        /// Its text without the outer parentheses, quoted-pairs undone.
        case comment([UInt8])
        case comma, semicolon, colon, open, close, at
        /// Atom with dots, quoted string without its quotes, or domain literal with its brackets.
        case word([UInt8], isSeparated: Bool)
    }

    /// An encoded word is looked for in at most this many bytes (RFC 2047 §2 allows 75).
    private static let encodedWordLimit = 256

    private let buffer: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var isSeparated = false
    private var peeked: Token?
    // Once one of these has been looked for in vain, there is none further on: each search to the end happens once.
    private var hasQuotes = true
    private var hasComments = true
    private var hasLiterals = true

    init(_ buffer: UnsafeBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    mutating func next() -> Token {
        if let token = peeked {
            peeked = nil
            return token
        }
        return read()
    }

    mutating func peekSkippingComments(into comment: inout [UInt8]?) -> Token {
        if case .comment = peeked { peeked = nil }
        if let peeked { return peeked }
        while true {
            let token = read()
            if case .comment(let text) = token {
                if !text.isEmpty { comment = text }
                continue
            }
            peeked = token
            return token
        }
    }

    mutating func consumePeeked() {
        peeked = nil
    }

    private mutating func read() -> Token {
        while index < buffer.count {
            let byte = buffer[index]
            switch byte {
            case 0x20, 0x09, 0x0D, 0x0A:
                isSeparated = true
                index += 1
            case UInt8(ascii: ","): return special(.comma)
            case UInt8(ascii: ";"): return special(.semicolon)
            case UInt8(ascii: ":"): return special(.colon)
            case UInt8(ascii: "<"): return special(.open)
            case UInt8(ascii: ">"): return special(.close)
            case UInt8(ascii: "@"): return special(.at)
            case UInt8(ascii: "("):
                isSeparated = true
                if hasComments, let text = readComment() { return .comment(text) }
                index += 1
            case UInt8(ascii: ")"):
                isSeparated = true
                index += 1
            case UInt8(ascii: "\""):
                if hasQuotes, let text = readQuoted() { return word(text) }
                index += 1
            case UInt8(ascii: "["):
                if hasLiterals, let text = readLiteral() { return word(text) }
                return readAtom()
            default: return readAtom()
            }
        }
        return .end
    }

    private mutating func special(_ token: Token) -> Token {
        index += 1
        isSeparated = false
        return token
    }

    private mutating func word(_ content: [UInt8]) -> Token {
        defer { isSeparated = false }
        return .word(content, isSeparated: isSeparated)
    }

    private mutating func readAtom() -> Token {
        let start = index
        if let end = encodedWordEnd() {
            index = end
        } else {
            index += 1
            while index < buffer.count, !Self.endsAtom(buffer[index]) { index += 1 }
        }
        return word(Array(buffer[start..<index]))
    }

    private static func endsAtom(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09, 0x0D, 0x0A, UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "@"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\""), UInt8(ascii: "["):
            true
        default: false
        }
    }

    /// `=?charset?B?text?=` is one atom even with specials in its text, which RFC 2047 §5 (3) forbids and senders write.
    private func encodedWordEnd() -> Int? {
        let limit = min(buffer.count, index + Self.encodedWordLimit)
        guard index + 6 < limit, buffer[index] == UInt8(ascii: "="), buffer[index + 1] == UInt8(ascii: "?") else { return nil }
        var marks = 0
        var position = index + 2
        while position < limit {
            let byte = buffer[position]
            if byte.isFoldingWhitespace { return nil }
            if byte == UInt8(ascii: "?") {
                marks += 1
                if marks == 2, buffer[position - 2] != UInt8(ascii: "?") { return nil }
                if marks > 2, position + 1 < limit, buffer[position + 1] == UInt8(ascii: "=") { return position + 2 }
            } else if marks < 2, Self.endsAtom(byte) {
                return nil
            }
            position += 1
        }
        return nil
    }

    private mutating func readQuoted() -> [UInt8]? {
        var text: [UInt8] = []
        var position = index + 1
        while position < buffer.count {
            let byte = buffer[position]
            switch byte {
            case UInt8(ascii: "\""):
                index = position + 1
                return text
            case UInt8(ascii: "\\"):
                position += 1
                if position < buffer.count { text.append(buffer[position]) }
            case 0x0D, 0x0A: break  // RFC 5322 §3.2.4: folding is not part of the content
            default: text.append(byte)
            }
            position += 1
        }
        hasQuotes = false
        return nil
    }

    private mutating func readComment() -> [UInt8]? {
        var text: [UInt8] = []
        var depth = 0
        var position = index
        while position < buffer.count {
            let byte = buffer[position]
            position += 1
            switch byte {
            case UInt8(ascii: "("):
                depth += 1
                if depth == 1 { continue }
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 {
                    index = position
                    return text.trimmingBlanks()
                }
            case UInt8(ascii: "\\"):
                if position < buffer.count { text.append(buffer[position]) }
                position += 1
                continue
            case 0x0D, 0x0A: continue
            default: break
            }
            text.append(byte)
        }
        hasComments = false
        return nil
    }

    private mutating func readLiteral() -> [UInt8]? {
        var text: [UInt8] = []
        var position = index
        while position < buffer.count {
            let byte = buffer[position]
            if !byte.isFoldingWhitespace { text.append(byte) }
            position += 1
            if byte == UInt8(ascii: "]") {
                index = position
                return text
            }
        }
        hasLiterals = false
        return nil
    }
}

extension [UInt8] {
    /// Without spaces and tabs at both ends.
    fileprivate func trimmingBlanks() -> [UInt8] {
        guard let first = firstIndex(where: { $0 != 0x20 && $0 != 0x09 }), let last = lastIndex(where: { $0 != 0x20 && $0 != 0x09 }) else {
            return []
        }
        return first == 0 && last == count - 1 ? self : Array(self[first...last])
    }
}
