/// Reads the tokens of a structured MIME field (RFC 2045 §5.1, RFC 5322 §3.2), as lenient as readers are.
struct FieldLexer {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }
    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func advance() { position += 1 }

    /// Skips blanks, line ends and comments. Comments nest; one that is not closed reaches to the end.
    mutating func skipBlanksAndComments() {
        while position < bytes.count {
            if bytes[position].isFoldingWhitespace {
                position += 1
            } else if bytes[position] == UInt8(ascii: "(") {
                skipComment()
            } else {
                return
            }
        }
    }

    private mutating func skipComment() {
        var depth = 0
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 { return }
            case UInt8(ascii: "\\"): position = Swift.min(position + 1, bytes.count)
            default: break
            }
        }
    }

    /// Bytes up to a blank, a line end or one of `stops`.
    mutating func token(stops: StaticString) -> [UInt8] {
        let start = position
        scan: while position < bytes.count, !bytes[position].isFoldingWhitespace {
            for index in 0..<stops.utf8CodeUnitCount where stops.utf8Start[index] == bytes[position] { break scan }
            position += 1
        }
        return [UInt8](bytes[start..<position])
    }

    /// The content of the quoted string at the position, whose first byte is the opening quote: quoted-pairs undone, line
    /// ends removed. One that is not closed reaches to the end.
    mutating func quotedString() -> [UInt8] {
        position += 1
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""), bytes[position] != UInt8(ascii: "\\"), bytes[position] > 13 {
            position += 1
        }
        var content = [UInt8](bytes[start..<position])
        while position < bytes.count {
            var byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return content }
            if byte == UInt8(ascii: "\\"), position < bytes.count {
                byte = bytes[position]
                position += 1
            }
            if byte != .carriageReturn, byte != .lineFeed { content.append(byte) }
        }
        return content
    }

    /// The rest of a value without quotes that has blanks in it: up to the semicolon, when no further parameter
    /// (`name=`) begins before it; else nothing.
    mutating func restOfValue() -> [UInt8] {
        let start = position
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: ";") {
            if bytes[index] == UInt8(ascii: "=") { return [] }
            index += 1
        }
        position = index
        var end = index
        while end > start, bytes[end - 1].isFoldingWhitespace { end -= 1 }
        return bytes[start..<end].filter { $0 != .carriageReturn && $0 != .lineFeed }
    }
}
