import Glibc

/// Turns a message's octets into a multi-line response (RFC 1939 §3): dots at the beginning of lines are doubled, and what
/// does not end in CRLF gets one.
///
/// A line begins behind every LF, also a bare one: many clients split lines there, and to them `LF . CRLF` would be the end.
struct MessageWriter: Sendable {
    /// TOP: lines of the body that are still wanted; nil for RETR.
    private var linesLeft: Int?
    private var isInHeader = true
    private var isAtLineStart = true
    /// Nothing but a CR has come since the line's beginning.
    private var isBlank = true
    private var lastTwo: UInt16 = 0x0D0A
    /// TOP has all that it wants.
    private(set) var isDone = false

    init(lines: Int?) { linesLeft = lines }

    /// Appends what these octets become.
    mutating func write(_ bytes: [UInt8], to output: inout [UInt8]) {
        bytes.withUnsafeBufferPointer { input in
            guard let base = input.baseAddress else { return }
            output.reserveCapacity(output.count + input.count + input.count / 64 + 16)
            var run = 0
            var index = 0
            while index < input.count, !isDone {
                if isAtLineStart, base[index] == UInt8(ascii: ".") {
                    output.append(contentsOf: UnsafeBufferPointer(start: base + run, count: index - run))
                    output.append(UInt8(ascii: "."))
                    run = index
                }
                let found = memchr(base + index, 0x0A, input.count - index)
                let end = found.map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? input.count
                if linesLeft != nil { isBlank = isBlank && (end == index || (end == index + 1 && base[index] == 0x0D)) }
                isAtLineStart = found != nil
                index = min(end + 1, input.count)
                if found != nil { endLine() }
            }
            output.append(contentsOf: UnsafeBufferPointer(start: base + run, count: index - run))
            for place in max(0, index - 2)..<index { lastTwo = lastTwo << 8 | UInt16(base[place]) }
        }
    }

    private mutating func endLine() {
        guard let left = linesLeft else { return }
        if isInHeader {
            // RFC 1939 §7 TOP: the header, the blank line, and so many lines of the body.
            isInHeader = !isBlank
            isDone = isBlank && left == 0
        } else {
            linesLeft = left - 1
            isDone = left <= 1
        }
        isBlank = true
    }

    /// Appends the end of the response.
    mutating func finish(to output: inout [UInt8]) {
        if lastTwo != 0x0D0A { output += [0x0D, 0x0A] }
        output += [UInt8(ascii: "."), 0x0D, 0x0A]
    }
}
