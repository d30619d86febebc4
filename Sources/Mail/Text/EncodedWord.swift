/// RFC 2047: text beyond ASCII in header fields.
package enum EncodedWord {
    /// Longest charset, with RFC 2231's language, that is looked for.
    private static let charsetLimit = 80

    /// The text of an unstructured field or phrase, folded or not, as readers show it. Never fails:
    /// - white space between encoded words goes (RFC 2047 §6.2), and neighbours of one charset are joined before conversion, since
    ///   senders split characters across words; words are found inside of other text too, and without white space between;
    /// - the language of RFC 2231 §5 (`=?utf-8*es?Q?…?=`) is skipped; broken base64 or quoted-printable is read as bodies' is;
    /// - what is no encoded word stays as it is, its 8-bit bytes being UTF-8 when well-formed and windows-1252 otherwise.
    package static func decode(_ bytes: ArraySlice<UInt8>) -> String {
        if !bytes.contains(where: { $0 == UInt8(ascii: "=") || $0 == 0x0D || $0 == 0x0A }) { return Charset.decode(bytes) }
        return bytes.withUnsafeBufferPointer { buffer in
            var decoder = EncodedWordDecoder(buffer)
            return decoder.run()
        }
    }

    package static func decode(_ bytes: [UInt8]) -> String {
        decode(bytes[...])
    }

    // RFC 2047 §2: 75 characters; fewer, so that the first one fits behind a field's name in a line of 76.
    private static let wordLimit = 60

    /// For an unstructured field or a phrase of a message of our own: as it is when it is printable ASCII without anything that
    /// looks like an encoded word, otherwise encoded words of UTF-8, folded with CRLF and a space.
    package static func encode(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.allSatisfy({ (0x20...0x7E).contains($0) }), !text.contains("=?") { return bytes }
        let plain = bytes.count(where: isPlain)
        let isBase64 = plain < bytes.count / 2
        let prefix = Array((isBase64 ? "=?UTF-8?B?" : "=?UTF-8?Q?").utf8)
        let room = wordLimit - prefix.count - 2
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        var width = 0
        // RFC 2047 §5 (3): no character is split across words.
        for scalar in text.unicodeScalars {
            let piece = Array(String(scalar).utf8)
            let cost = isBase64 ? piece.count : piece.reduce(0) { $0 + (isPlain($1) || $1 == 0x20 ? 1 : 3) }
            if width + cost > (isBase64 ? room / 4 * 3 : room) {
                words.append(word)
                (word, width) = ([], 0)
            }
            word += piece
            width += cost
        }
        words.append(word)
        return Array(
            words.map { prefix + (isBase64 ? Base64.encode($0) : encodeQ($0)) + [0x3F, 0x3D] }.joined(separator: [0x0D, 0x0A, 0x20]))
    }

    /// RFC 2047 §5 (3): what may stand as it is in any place where encoded words may.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+")
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/")
    }

    private static func encodeQ(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return bytes.reduce(into: []) { output, byte in
            if isPlain(byte) {
                output.append(byte)
            } else if byte == 0x20 {
                output.append(UInt8(ascii: "_"))
            } else {
                output += [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
    }

    /// `=?charset*language?encoding?text?=` at `start`: its parts and where it ends, or nil.
    fileprivate static func find(_ buffer: UnsafeBufferPointer<UInt8>, at start: Int, terminators: inout TerminatorSearch) -> Found? {
        var index = start + 2
        let limit = min(buffer.count, index + charsetLimit)
        while index < limit, buffer[index] != UInt8(ascii: "?") {
            guard buffer[index] > 0x20, buffer[index] < 0x7F else { return nil }
            index += 1
        }
        guard index > start + 2, index + 2 < buffer.count, buffer[index] == UInt8(ascii: "?"), buffer[index + 2] == UInt8(ascii: "?") else {
            return nil
        }
        let letter = buffer[index + 1].asciiLowercased
        guard letter == UInt8(ascii: "q") || letter == UInt8(ascii: "b") else { return nil }
        guard let end = terminators.next(from: index + 3, in: buffer) else { return nil }
        let label = buffer[(start + 2)..<index].prefix { $0 != UInt8(ascii: "*") }
        return Found(charset: label.map(\.asciiLowercased), isBase64: letter == UInt8(ascii: "b"), text: (index + 3)..<end, end: end + 2)
    }

    fileprivate struct Found {
        var charset: [UInt8]
        var isBase64: Bool
        var text: Range<Int>
        var end: Int
    }

    /// Finds `?=`; remembers that there is none further on, so that searches in vain cost one pass.
    fileprivate struct TerminatorSearch {
        private var isExhausted = false

        mutating func next(from start: Int, in buffer: UnsafeBufferPointer<UInt8>) -> Int? {
            if isExhausted { return nil }
            var index = start
            while index + 1 < buffer.count {
                if buffer[index] == UInt8(ascii: "?"), buffer[index + 1] == UInt8(ascii: "=") { return index }
                index += 1
            }
            isExhausted = true
            return nil
        }
    }
}

private struct EncodedWordDecoder {
    private let buffer: UnsafeBufferPointer<UInt8>
    /// UTF-8.
    private var output: [UInt8] = []
    /// Decoded bytes of the encoded words that are being joined.
    private var pending: [UInt8] = []
    private var charset: [UInt8]?
    /// Text since the last encoded word.
    private var literal: [UInt8] = []
    private var isLiteralBlank = true
    private var terminators = EncodedWord.TerminatorSearch()

    init(_ buffer: UnsafeBufferPointer<UInt8>) {
        self.buffer = buffer
    }

    mutating func run() -> String {
        var index = 0
        while index < buffer.count {
            let byte = buffer[index]
            if byte == UInt8(ascii: "="), index + 1 < buffer.count, buffer[index + 1] == UInt8(ascii: "?"),
                let word = EncodedWord.find(buffer, at: index, terminators: &terminators)
            {
                join(word)
                index = word.end
                continue
            }
            index += 1
            if byte == 0x0D || byte == 0x0A {
                // RFC 5322 §2.2.3: unfolding takes the line break out; one that folds nothing is a space.
                let next = index < buffer.count ? buffer[index] : 0x20
                if !next.isFoldingWhitespace { literal.append(0x20) }
                continue
            }
            if byte != 0x20, byte != 0x09 { isLiteralBlank = false }
            literal.append(byte)
        }
        flushWords()
        flushLiteral()
        return String(decoding: output, as: UTF8.self)
    }

    private mutating func join(_ word: EncodedWord.Found) {
        // RFC 2047 §6.2: white space between encoded words is not shown.
        let isNeighbour = charset != nil && isLiteralBlank
        if isNeighbour { literal.removeAll() }
        if !isNeighbour || charset != word.charset {
            flushWords()
            flushLiteral()
        }
        charset = word.charset
        let text = Array(buffer[word.text])
        if word.isBase64 { pending += Base64.decode(text[...]) } else { decodeQ(text) }
    }

    /// RFC 2047 §4.2.
    private mutating func decodeQ(_ text: [UInt8]) {
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == UInt8(ascii: "_") {
                pending.append(0x20)
            } else if byte == UInt8(ascii: "="), index + 1 < text.count, let high = text[index].hexDigitValue,
                let low = text[index + 1].hexDigitValue
            {
                pending.append(high << 4 | low)
                index += 2
            } else if byte != 0x0D, byte != 0x0A {
                pending.append(byte)
            }
        }
    }

    private mutating func flushWords() {
        guard let name = charset else { return }
        charset = nil
        if pending.isEmpty { return }
        Charset.decode(pending[...], named: String(decoding: name, as: UTF8.self), into: &output)
        pending.removeAll(keepingCapacity: true)
    }

    private mutating func flushLiteral() {
        Charset.decodeUnlabelled(literal[...], into: &output)
        literal.removeAll(keepingCapacity: true)
        isLiteralBlank = true
    }
}
