import Glibc

extension UInt8 {
    static let tab: UInt8 = 9
    static let lineFeed: UInt8 = 10
    static let carriageReturn: UInt8 = 13
    static let space: UInt8 = 32
    static let hyphen: UInt8 = 45
    static let colon: UInt8 = 58

    @inline(__always) var isBlank: Bool { self == .space || self == .tab }
}

/// The offset of the first LF in `from..<to`.
@inline(__always)
func lineFeed(in bytes: UnsafeBufferPointer<UInt8>, from: Int, to: Int) -> Int? {
    guard from < to, let start = bytes.baseAddress else { return nil }
    guard let hit = memchr(start + from, 10, to - from) else { return nil }
    return UnsafeRawPointer(hit) - UnsafeRawPointer(start)
}

/// How many LFs lie in a range.
func countLineFeeds(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int {
    var count = 0
    for byte in UnsafeBufferPointer(rebasing: bytes[range]) { count &+= byte == .lineFeed ? 1 : 0 }
    return count
}

/// Reads one header section line by line.
private struct HeaderScanner {
    enum Line {
        case field(HeaderField)
        /// Neither field nor empty.
        case stray
        case empty
        /// Nothing is left, or the rest would be beyond the limit.
        case end
    }

    let bytes: UnsafeBufferPointer<UInt8>
    let end: Int
    let limit: Int
    var position: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int) {
        self.bytes = bytes
        self.end = end
        limit = end - start > MessageLimits.header ? start + MessageLimits.header : end
        position = start
    }

    mutating func next() -> Line {
        let start = position
        guard start < limit else { return .end }
        if bytes[start] == .lineFeed {
            position = start + 1
            return .empty
        }
        if bytes[start] == .carriageReturn, start + 1 < limit, bytes[start + 1] == .lineFeed {
            position = start + 2
            return .empty
        }
        var index = start
        // RFC 5322 §2.2: a name is printable US-ASCII without the colon.
        while index < limit, bytes[index] &- 33 < 94, bytes[index] != .colon { index += 1 }
        let nameEnd = index
        while index < limit, bytes[index].isBlank { index += 1 }
        guard nameEnd > start, index < limit, bytes[index] == .colon else {
            guard let next = lineEnd(from: index) else { return .end }
            position = next
            return .stray
        }
        index += 1
        var bodyStart = index
        while true {
            guard let next = lineEnd(from: index) else { return .end }
            index = next
            // RFC 5322 §2.2.3: a line that begins with a blank continues the field.
            if index >= limit || !bytes[index].isBlank { break }
        }
        // A field that runs up to the limit may go on behind it.
        if index == limit, limit < end { return .end }
        var bodyEnd = index
        while bodyEnd > bodyStart, bytes[bodyEnd - 1].isFoldingWhitespace { bodyEnd -= 1 }
        while bodyStart < bodyEnd, bytes[bodyStart].isFoldingWhitespace { bodyStart += 1 }
        position = index
        return .field(HeaderField(start: start, nameEnd: nameEnd, bodyStart: bodyStart, bodyEnd: bodyEnd, end: index))
    }

    /// The beginning of the next line, nil when the line crosses the limit.
    private func lineEnd(from index: Int) -> Int? {
        if let found = lineFeed(in: bytes, from: index, to: limit) { return found + 1 }
        return limit < end ? nil : limit
    }

    /// Whether an mbox separator line ("From someone date", as some programs leave it) begins here.
    func isAtMailboxSeparator() -> Bool {
        var index = position
        if index < limit, bytes[index] == UInt8(ascii: ">") { index += 1 }
        guard limit - index >= 5 else { return false }
        return bytes[index] == UInt8(ascii: "F") && bytes[index + 1] == UInt8(ascii: "r") && bytes[index + 2] == UInt8(ascii: "o")
            && bytes[index + 3] == UInt8(ascii: "m") && bytes[index + 4] == .space
    }
}

/// Where a header section ends, and how many lines were read to know that: a measure of work.
struct HeaderExtent {
    let end: Int
    let linesRead: Int
}

/// Visits the fields of the header section at `start`. `delimiters` are the boundaries of the multiparts around it: a header
/// that runs into one of them ends there.
func scanHeader(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int, delimiters: Delimiters, _ visit: (HeaderField) -> Void
) -> HeaderExtent {
    var scanner = HeaderScanner(bytes, from: start, to: end)
    var contentType: Range<Int>?
    var ownBoundary: [UInt8]?
    var isFirst = true
    var maySkip = false
    var linesRead = 0

    while true {
        let line = scanner.position
        linesRead += 1
        let isDashed = line + 1 < end && bytes[line] == .hyphen && bytes[line + 1] == .hyphen
        if isDashed, delimiters.match(bytes, at: line, to: end) != nil { return HeaderExtent(end: line, linesRead: linesRead) }
        switch scanner.next() {
        case .field(let field):
            isFirst = false
            if contentType == nil, case .contentType? = FieldName(UnsafeBufferPointer(rebasing: bytes[field.name])) {
                contentType = field.body
            }
            visit(field)
        case .empty, .end:
            return HeaderExtent(end: scanner.position, linesRead: linesRead)
        case .stray:
            if isFirst {
                var separator = HeaderScanner(bytes, from: start, to: end)
                guard separator.isAtMailboxSeparator(), case .stray = separator.next(), case .field = separator.next() else {
                    return HeaderExtent(end: start, linesRead: linesRead)
                }
                isFirst = false
                continue
            }
            // The empty line was forgotten before the first part of a multipart.
            if isDashed, ownBoundary == nil, let range = contentType {
                ownBoundary = ContentType(parsing: UnsafeBufferPointer(rebasing: bytes[range]))?.boundary ?? []
            }
            if isDashed, let ownBoundary, !ownBoundary.isEmpty, Delimiters.hasPrefix(bytes, at: line + 2, to: end, ownBoundary) {
                return HeaderExtent(end: line, linesRead: linesRead)
            }
            if !maySkip {
                let lookahead = lookForEmptyLine(bytes, from: scanner.position, to: scanner.limit, delimiters: delimiters)
                linesRead += lookahead.linesRead
                guard lookahead.isFound else { return HeaderExtent(end: line, linesRead: linesRead) }
                maySkip = true
            }
        }
    }
}

/// Whether an empty line comes before the next delimiter.
private func lookForEmptyLine(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int, delimiters: Delimiters
) -> (isFound: Bool, linesRead: Int) {
    var line = start
    var linesRead = 0
    while line < end {
        linesRead += 1
        if bytes[line] == .lineFeed { return (true, linesRead) }
        if bytes[line] == .carriageReturn, line + 1 < end, bytes[line + 1] == .lineFeed { return (true, linesRead) }
        if delimiters.match(bytes, at: line, to: end) != nil { break }
        guard let next = lineFeed(in: bytes, from: line, to: end) else { break }
        line = next + 1
    }
    return (false, linesRead)
}
