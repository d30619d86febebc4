/// RFC 2045 §6.7.
package enum QuotedPrintable {
    private static let hexDigits = Array("0123456789ABCDEF".utf8)

    // RFC 2045 §6.7 (5): 76 characters, the soft line break's `=` included.
    package static let lineLimit = 76

    /// For text: CRLF (or LF) are line breaks, everything else that may not stand as it is gets encoded.
    package static func encode(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + bytes.count / 4)
        var column = 0
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            let next = index + 1 < bytes.endIndex ? bytes[index + 1] : 0x0A
            index += 1
            if byte == 0x0A || (byte == 0x0D && next == 0x0A && index < bytes.endIndex) {
                if byte == 0x0D { index += 1 }
                output += [0x0D, 0x0A]
                column = 0
                continue
            }
            let isBlank = byte == 0x20 || byte == 0x09
            // RFC 2045 §6.7 (3): white space at a line's end must be encoded.
            let isPlain = isBlank ? next != 0x0A && next != 0x0D : (33...126).contains(byte) && byte != UInt8(ascii: "=")
            if column + (isPlain ? 1 : 3) > lineLimit - 1 {
                output += [UInt8(ascii: "="), 0x0D, 0x0A]
                column = 0
            }
            if isPlain {
                output.append(byte)
                column += 1
            } else {
                output += [UInt8(ascii: "="), hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
                column += 3
            }
        }
        return output
    }

    /// With the tolerance of `QuotedPrintableDecoder`.
    package static func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var decoder = QuotedPrintableDecoder()
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        decoder.decode(bytes, into: &output)
        decoder.finish(into: &output)
        return output
    }
}

/// Quoted-printable in pieces, as RFC 2045 §6.7 asks robust readers to do: hexadecimal digits of either case; white space at a
/// line's end is dropped, before a soft line break's end as well; a `=` that begins nothing is text.
package struct QuotedPrintableDecoder: Sendable {
    /// White space that is held back until the line goes on or ends; a longer run is text (RFC 5322 §2.1.1: lines of 998).
    package static let blankLimit = 998

    private enum State: Sendable {
        case text
        case equals
        /// `=` and a first hexadecimal digit.
        case digit(UInt8)
        /// `=` and white space.
        case equalsBlank
        /// `=` and CR.
        case equalsReturn
    }

    private var state = State.text
    private var blanks: [UInt8] = []

    package init() {}

    package mutating func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        bytes.withUnsafeBufferPointer { input in
            var index = 0
            while index < input.count {
                if case .text = state {
                    index = copyText(input, from: index, into: &output)
                } else if step(input[index], into: &output) {
                    index += 1
                }
            }
        }
    }

    package mutating func finish(into output: inout [UInt8]) {
        if case .digit(let digit) = state { output += [UInt8(ascii: "="), digit] }
        // White space before the end is that of a line's end; a lone `=` there is a soft line break.
        blanks.removeAll()
        state = .text
    }

    /// Copies to behind the next line break or `=`.
    private mutating func copyText(_ input: UnsafeBufferPointer<UInt8>, from start: Int, into output: inout [UInt8]) -> Int {
        var end = start
        while end < input.count, input[end] != UInt8(ascii: "="), input[end] != 0x0D, input[end] != 0x0A { end += 1 }
        var solid = end
        if end == input.count || input[end] != UInt8(ascii: "=") {
            while solid > start, input[solid - 1] == 0x20 || input[solid - 1] == 0x09 { solid -= 1 }
        }
        if solid > start || (end < input.count && input[end] == UInt8(ascii: "=")) {
            if !blanks.isEmpty {
                output += blanks
                blanks.removeAll(keepingCapacity: true)
            }
            output.append(contentsOf: UnsafeBufferPointer(rebasing: input[start..<solid]))
        }
        guard end < input.count else {
            blanks.append(contentsOf: UnsafeBufferPointer(rebasing: input[solid..<end]))
            if blanks.count > Self.blankLimit {
                output += blanks
                blanks.removeAll()
            }
            return end
        }
        if input[end] == UInt8(ascii: "=") {
            state = .equals
        } else {
            if !blanks.isEmpty { blanks.removeAll(keepingCapacity: true) }
            output.append(input[end])
        }
        return end + 1
    }

    /// One byte behind a `=`. False: the byte is text and must be read again.
    private mutating func step(_ byte: UInt8, into output: inout [UInt8]) -> Bool {
        switch state {
        case .text: return false
        case .equals:
            if byte.hexDigitValue != nil {
                state = .digit(byte)
            } else if byte == 0x0A {
                state = .text
            } else if byte == 0x0D {
                state = .equalsReturn
            } else if byte == 0x20 || byte == 0x09 {
                blanks = [byte]
                state = .equalsBlank
            } else {
                output.append(UInt8(ascii: "="))
                state = .text
                return false
            }
            return true
        case .digit(let first):
            state = .text
            if let high = first.hexDigitValue, let low = byte.hexDigitValue {
                output.append(high << 4 | low)
                return true
            }
            output += [UInt8(ascii: "="), first]
            return false
        case .equalsBlank:
            if byte == 0x20 || byte == 0x09, blanks.count < Self.blankLimit {
                blanks.append(byte)
                return true
            }
            if byte == 0x0A || byte == 0x0D {
                blanks.removeAll(keepingCapacity: true)
                state = byte == 0x0A ? .text : .equalsReturn
                return true
            }
            output.append(UInt8(ascii: "="))
            state = .text
            return false
        case .equalsReturn:
            state = .text
            return byte == 0x0A
        }
    }
}
