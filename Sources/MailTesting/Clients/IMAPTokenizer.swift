/// Cuts the octets of one reply, literals in place, into tokens. What it cannot read is a `Malformation`
/// that names the octet, never a guess.
package struct IMAPTokenizer {
    package struct Malformation: Error, Equatable, Sendable {
        package let offset: Int
        package let what: String

        package init(offset: Int, what: String) {
            self.offset = offset
            self.what = what
        }
    }

    /// Lists inside of lists; BODYSTRUCTURE of the deepest message that tests use stays below.
    package static let depthLimit = 200

    private let bytes: [UInt8]
    private var index = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Tokens of a reply without its tag or star. A status reply's human text becomes plain words.
    package static func tokens(of bytes: [UInt8]) throws(Malformation) -> [IMAPToken] {
        var tokenizer = IMAPTokenizer(bytes)
        guard isStatus(bytes) else { return try tokenizer.list(depth: 0) }
        var tokens = tokenizer.words(limit: 1)
        tokenizer.skipSpaces()
        if tokenizer.peek == 0x5B { tokens += try tokenizer.responseCode() }
        return tokens + tokenizer.words(limit: .max)
    }

    /// Whether the first word is one of those that human text follows (RFC 3501 §7.1).
    package static func isStatus(_ bytes: [UInt8]) -> Bool {
        let word = bytes.prefix { $0 != 0x20 }
        return ["OK", "NO", "BAD", "BYE", "PREAUTH"].contains { word.elementsEqual($0.utf8, by: ASCIICase.equal) }
    }

    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpaces() {
        while peek == 0x20 { index += 1 }
    }

    private mutating func words(limit: Int) -> [IMAPToken] {
        var words: [IMAPToken] = []
        while words.count < limit {
            skipSpaces()
            guard let end = word(upTo: { $0 == 0x20 }) else { break }
            words.append(.atom(end))
        }
        return words
    }

    /// From `[` to the atom that holds `]`.
    private mutating func responseCode() throws(Malformation) -> [IMAPToken] {
        var tokens: [IMAPToken] = []
        while peek != nil {
            let token = try token(depth: 0)
            tokens.append(token)
            if case .atom(let bytes) = token, bytes.contains(0x5D) { return tokens }
            skipSpaces()
        }
        throw Malformation(offset: index, what: "a response code without its ]")
    }

    private mutating func list(depth: Int) throws(Malformation) -> [IMAPToken] {
        guard depth <= Self.depthLimit else { throw Malformation(offset: index, what: "lists too deep") }
        var tokens: [IMAPToken] = []
        while true {
            skipSpaces()
            switch peek {
            case nil:
                if depth > 0 { throw Malformation(offset: index, what: "a list without its )") }
                return tokens
            case 0x29:
                if depth == 0 { throw Malformation(offset: index, what: "a ) that closes nothing") }
                index += 1
                return tokens
            default:
                tokens.append(try token(depth: depth))
            }
        }
    }

    private mutating func token(depth: Int) throws(Malformation) -> IMAPToken {
        switch peek {
        case 0x28:
            index += 1
            return .list(try list(depth: depth + 1))
        case 0x22:
            return .quoted(try quoted())
        case 0x7B:
            return .literal(try literal())
        case 0x7E where index + 1 < bytes.count && bytes[index + 1] == 0x7B:
            index += 1
            return .literal(try literal())
        default:
            guard let atom = word(upTo: { $0 == 0x20 || $0 == 0x28 || $0 == 0x29 || $0 == 0x0D || $0 == 0x0A }) else {
                throw Malformation(offset: index, what: "a line end inside of the reply")
            }
            return .atom(atom)
        }
    }

    private mutating func word(upTo isEnd: (UInt8) -> Bool) -> [UInt8]? {
        let end = bytes[index...].firstIndex(where: isEnd) ?? bytes.count
        guard end > index else { return nil }
        defer { index = end }
        return Array(bytes[index..<end])
    }

    private mutating func quoted() throws(Malformation) -> [UInt8] {
        let start = index
        var value: [UInt8] = []
        index += 1
        while let byte = peek {
            index += 1
            switch byte {
            case 0x22: return value
            case 0x5C:
                guard let escaped = peek else { break }
                value.append(escaped)
                index += 1
            case 0x0D, 0x0A:
                throw Malformation(offset: index, what: "a line end in a quoted string")
            default: value.append(byte)
            }
        }
        throw Malformation(offset: start, what: "a quoted string without its end")
    }

    private mutating func literal() throws(Malformation) -> [UInt8] {
        let start = index
        let rest = bytes[start...]
        guard let brace = rest.firstIndex(of: 0x7D), let size = Int(String(decoding: rest[(start + 1)..<brace], as: UTF8.self)), size >= 0,
            brace + 3 <= bytes.count, bytes[brace + 1] == 0x0D, bytes[brace + 2] == 0x0A, size <= bytes.count - brace - 3
        else { throw Malformation(offset: start, what: "a literal that is not whole") }
        index = brace + 3 + size
        return Array(bytes[(brace + 3)..<index])
    }
}
