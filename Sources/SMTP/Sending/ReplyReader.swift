import Dialogue

/// Cuts what a server sends into replies (RFC 5321 §4.2). Holds one reply at most, within the limits.
struct ReplyReader: Sendable {
    enum Reading: Equatable {
        case incomplete
        case reply(Reply)
        /// What came is no reply, in words.
        case garbage(String)
    }

    /// Octets of a line's text that are kept.
    private static let keptText = 1_000

    private let limits: SendingLimits
    private var buffer = LineBuffer()
    private var code = 0
    private var status: EnhancedStatus?
    private var lines: [String] = []

    init(_ limits: SendingLimits) { self.limits = limits }

    /// Octets held.
    var heldBytes: Int { buffer.count + lines.reduce(0) { $0 + $1.utf8.count } }
    /// Whether there is nothing, not even a part of a reply.
    var isEmpty: Bool { buffer.isEmpty && lines.isEmpty }

    mutating func append(_ bytes: Span<UInt8>) { buffer.append(bytes) }

    mutating func removeAll() {
        buffer.removeAll()
        lines = []
    }

    mutating func next() -> Reading {
        while let lineFeed = buffer.nextLineFeed() {
            guard lineFeed < limits.replyLine else { return .garbage("a reply line of \(lineFeed + 1) octets") }
            var line = [UInt8](buffer.bytes.prefix(lineFeed))
            buffer.consume(lineFeed + 1)
            // RFC 5321 §2.3.8 wants CRLF. A LF alone is taken too: as nothing but replies comes from there, nobody can be deceived by it.
            if line.last == 0x0D { line.removeLast() }
            guard let isLast = take(line) else { return .garbage("no reply: \(Self.text(line[...].prefix(100)))") }
            if isLast {
                defer { lines = [] }
                return .reply(Reply(code, status, lines: lines))
            }
            guard lines.count < limits.replyLines else { return .garbage("a reply of more than \(limits.replyLines) lines") }
        }
        guard buffer.count <= limits.replyLine else { return .garbage("a reply line of more than \(limits.replyLine) octets") }
        return .incomplete
    }

    /// Whether it is a reply's last line; nil when it is none of this reply.
    private mutating func take(_ line: [UInt8]) -> Bool? {
        guard line.count >= 3, (0x32...0x35).contains(line[0]), (0x30...0x39).contains(line[1]), (0x30...0x39).contains(line[2]) else {
            return nil
        }
        let number = line[..<3].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        // RFC 5321 §4.2.1: the same code on every line.
        guard lines.isEmpty || number == code else { return nil }
        let isLast: Bool
        switch line.count > 3 ? line[3] : UInt8(ascii: " ") {
        case UInt8(ascii: " "): isLast = true
        case UInt8(ascii: "-"): isLast = false
        default: return nil
        }
        var text = line.dropFirst(4)
        let found = Self.status(text, of: number / 100)
        if lines.isEmpty {
            code = number
            status = found?.0
        }
        if let found, found.0 == status { text = text.dropFirst(found.length) }
        lines.append(Self.text(text.prefix(Self.keptText)))
        return isLast
    }

    /// RFC 2034 §4: an enhanced code of the reply's own class, and how long it is with the space behind it.
    private static func status(_ text: ArraySlice<UInt8>, of kind: Int) -> (EnhancedStatus, length: Int)? {
        let word = text.prefix(10).prefix { $0 != UInt8(ascii: " ") }
        let parts = word.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ (1...3).contains($0.count) && $0.allSatisfy { (0x30...0x39).contains($0) } }) else {
            return nil
        }
        let numbers = parts.map { $0.reduce(0) { $0 * 10 + Int($1 - 0x30) } }
        // RFC 3463 §2: success, persistent transient failure, permanent failure.
        guard numbers[0] == kind, kind != 3 else { return nil }
        return (EnhancedStatus(numbers[0], numbers[1], numbers[2]), min(word.count + 1, text.count))
    }

    /// What a peer says ends up in logs, bounces and terminals: without control characters.
    static func text(_ bytes: ArraySlice<UInt8>) -> String {
        var text = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            text.unicodeScalars.append(isControl ? "?" : scalar)
        }
        return text
    }
}
