/// The newest part of a conversation, for error messages: bounded however much is exchanged.
package struct ConversationLog: Sendable {
    /// Lines kept; older ones make room.
    package static let lineLimit = 400
    /// Bytes shown of one line; literals and message bodies are mostly longer.
    package static let widthLimit = 300

    private var lines: [String] = []
    private var dropped = 0

    package init() {}

    /// Adds what one side said; splits at line ends and shows control bytes as `\xNN`.
    package mutating func add(_ speaker: Character, _ bytes: some BidirectionalCollection<UInt8>) {
        var rest = bytes[...]
        while let first = rest.first {
            let end = rest.firstIndex(of: 0x0A) ?? rest.endIndex
            var line = rest[..<end]
            if line.last == 0x0D, end != rest.endIndex { line = line.dropLast() }
            append("\(speaker): " + Self.printable(line))
            if first == 0x0A || end != rest.endIndex { rest = rest[rest.index(after: end)...] } else { break }
        }
    }

    package var text: String {
        ((dropped > 0 ? ["… \(dropped) earlier lines"] : []) + lines).joined(separator: "\n")
    }

    private mutating func append(_ line: String) {
        lines.append(line)
        // Half at once, so that a long conversation costs no shift for each line.
        if lines.count > Self.lineLimit {
            let surplus = lines.count / 2
            lines.removeFirst(surplus)
            dropped += surplus
        }
    }

    /// ASCII as it is, other bytes as `\xNN`, cut at `widthLimit`.
    package static func printable(_ bytes: some BidirectionalCollection<UInt8>) -> String {
        var text = ""
        for byte in bytes.prefix(widthLimit) {
            if byte >= 0x20, byte < 0x7F {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += "\\x" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return bytes.count > widthLimit ? text + "… (\(bytes.count) bytes)" : text
    }
}
