import Glibc

/// Content as it goes out after DATA: dots stuffed (RFC 5321 §4.5.2), in pieces of any length.
///
/// RFC 5321 §2.3.8: CR and LF leave together only. Content that is received here has no other line ends; should some ever get in by
/// another way, a bare one becomes CRLF, so that no server takes for an end what is none (SMTP smuggling).
struct DotStuffer: Sendable {
    private var isLineStart = true
    /// A CR came last: it is out when it is known what follows.
    private var holdsCR = false

    init() {}

    mutating func encode(_ piece: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(piece.count + 64)
        piece.withUnsafeBufferPointer { encode($0, into: &output) }
        return output
    }

    /// The end of the last line where it lacks one, and the dot.
    mutating func finish() -> [UInt8] {
        // RFC 5321 §4.1.1.4: an added CRLF where the content does not end in one.
        let end: [UInt8] = isLineStart && !holdsCR ? [] : [0x0D, 0x0A]
        return end + [UInt8(ascii: "."), 0x0D, 0x0A]
    }

    private mutating func encode(_ piece: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        var index = 0
        while index < piece.count {
            if holdsCR {
                holdsCR = false
                isLineStart = true
                output += [0x0D, 0x0A]
                if piece[index] == 0x0A {
                    index += 1
                    continue
                }
            }
            if isLineStart, piece[index] == UInt8(ascii: ".") { output.append(UInt8(ascii: ".")) }
            isLineStart = false
            let rest = UnsafeBufferPointer(rebasing: piece[index...])
            let length = Self.lineLength(rest)
            output.append(contentsOf: UnsafeBufferPointer(rebasing: rest[..<length]))
            index += length
            guard index < piece.count else { return }
            if piece[index] == 0x0D {
                holdsCR = true
            } else {
                output += [0x0D, 0x0A]
                isLineStart = true
            }
            index += 1
        }
    }

    /// Octets before the next CR or LF.
    private static func lineLength(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        guard let base = text.baseAddress else { return 0 }
        let end = memchr(base, 0x0A, text.count).map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? text.count
        return memchr(base, 0x0D, end).map { UnsafeRawPointer($0) - UnsafeRawPointer(base) } ?? end
    }
}
