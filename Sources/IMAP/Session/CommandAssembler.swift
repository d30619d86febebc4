import Dialogue

/// Puts commands together from what arrives: a line, and as many literals and further lines as it announces.
struct CommandAssembler: ~Copyable {
    /// What the last call found.
    enum Event {
        case incomplete
        /// A whole command, without its last line end.
        case command([UInt8])
        /// The command so far (`text`) ends with the announcement of a literal.
        case literal(LiteralAnnouncement)
        /// The line grows beyond the limit. What follows up to its end is forgotten.
        case tooLong([UInt8])
        /// A refused command has passed by.
        case skipped
        /// More is to be forgotten than anybody should.
        case flood
    }

    private enum State {
        case line
        case announced(LiteralAnnouncement)
        case literal(remaining: Int)
        case skippingLine
        case skippingLiteral(remaining: Int)
    }

    private(set) var input = LineBuffer()
    /// The command that is being put together.
    private(set) var text: [UInt8] = []
    private var state = State.line
    private var skipped = 0

    init() {}

    /// Bytes that it holds.
    var heldBytes: Int { input.count + text.count }

    var isInLiteral: Bool {
        switch state {
        case .literal, .skippingLiteral: true
        case .line, .announced, .skippingLine: false
        }
    }

    mutating func receive(_ bytes: Span<UInt8>) { input.append(bytes) }

    mutating func next(limit: Int, drainLimit: Int) -> Event {
        while true {
            switch state {
            case .line:
                guard let line = takeLine(limit: limit - text.count) else {
                    guard input.count + text.count > limit else { return .incomplete }
                    var begun: [UInt8] = []
                    swap(&begun, &text)
                    begun.append(contentsOf: input.bytes.prefix(300))
                    state = .skippingLine
                    skipped = 0
                    return .tooLong(begun)
                }
                if line.isTooLong {
                    var begun: [UInt8] = []
                    swap(&begun, &text)
                    begun.append(contentsOf: line.bytes.prefix(300))
                    if let announcement = LiteralAnnouncement(endOf: line.bytes[...]) { refuse(announcement) }
                    return .tooLong(begun)
                }
                if text.isEmpty { text = line.bytes } else { text.append(contentsOf: line.bytes) }
                // Only in what this line brought: a literal's own last bytes announce nothing.
                if let announcement = LiteralAnnouncement(endOf: line.bytes[...]) {
                    state = .announced(announcement)
                    return .literal(announcement)
                }
                var command: [UInt8] = []
                swap(&command, &text)
                return .command(command)
            case .announced:
                return .incomplete
            case .literal(let remaining):
                let piece = input.bytes.prefix(remaining)
                if piece.isEmpty, remaining > 0 { return .incomplete }
                text.append(contentsOf: piece)
                let count = piece.count
                input.consume(count)
                state = count == remaining ? .line : .literal(remaining: remaining - count)
            case .skippingLine:
                guard let length = input.nextLineFeed() else {
                    // Enough is kept to see an announcement at the line's end.
                    let excess = input.count - 64
                    if excess > 0 {
                        input.consume(excess)
                        skipped += excess
                    }
                    return skipped > drainLimit ? .flood : .incomplete
                }
                let line = Array(withoutLineEnd(input.bytes.prefix(length)))
                input.consume(length + 1)
                state = .line
                if let announcement = LiteralAnnouncement(endOf: line[...]) {
                    refuse(announcement)
                    if case .line = state { return .skipped }
                } else {
                    return .skipped
                }
            case .skippingLiteral(let remaining):
                let count = min(remaining, input.count)
                if count == 0, remaining > 0 { return .incomplete }
                input.consume(count)
                skipped += count
                if skipped > drainLimit { return .flood }
                state = count == remaining ? .skippingLine : .skippingLiteral(remaining: remaining - count)
            }
        }
    }

    /// The announced literal becomes part of the command.
    mutating func accept() {
        guard case .announced(let announcement) = state else { return }
        text.append(0x0D)
        text.append(0x0A)
        state = .literal(remaining: announcement.size)
    }

    /// The announced literal is a message and taken away by `takeMessage`; the command is known.
    mutating func acceptMessage() {
        text.removeAll()
        state = .line
    }

    /// The command is refused at its announced literal. A synchronising one will not come; any other is read and forgotten,
    /// with the rest of its command. Returns whether something is to be skipped: `.skipped` follows.
    mutating func refuse() -> Bool {
        guard case .announced(let announcement) = state else { return false }
        text.removeAll()
        skipped = 0
        state = .line
        refuse(announcement)
        if case .line = state { return false }
        return true
    }

    /// As `refuse`, for an announcement that `takeLine` brought.
    mutating func refuse(following announcement: LiteralAnnouncement) {
        text.removeAll()
        skipped = 0
        refuse(announcement)
    }

    private mutating func refuse(_ announcement: LiteralAnnouncement) {
        if !announcement.isSynchronising { state = .skippingLiteral(remaining: announcement.size) } else { state = .line }
    }

    /// The next bytes of a message, at most `limit`.
    mutating func takeMessage(_ limit: Int) -> [UInt8] {
        let piece = Array(input.bytes.prefix(limit))
        input.consume(piece.count)
        return piece
    }

    /// A line outside of any command: DONE, an answer to a SASL challenge, what follows a message.
    mutating func takeLine(limit: Int) -> (bytes: [UInt8], isTooLong: Bool)? {
        guard let length = input.nextLineFeed() else { return nil }
        let line = withoutLineEnd(input.bytes.prefix(length))
        let isTooLong = line.count > limit
        let bytes = Array(line)
        input.consume(length + 1)
        return (bytes, isTooLong)
    }

    mutating func skipRestOfCommand() {
        text.removeAll()
        skipped = 0
        state = .skippingLine
    }

    mutating func removeAll() {
        input.removeAll()
        text = []
        state = .line
    }

    /// RFC 3501 §2.2 wants CRLF; a bare LF is taken as well.
    private func withoutLineEnd(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> { line.last == 0x0D ? line.dropLast() : line }
}
