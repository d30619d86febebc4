/// RFC 4648 §4, RFC 2045 §6.8.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The six bits of each byte; 0x40 where it is none.
    static let values: [UInt8] = {
        var values = [UInt8](repeating: 0x40, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        return values
    }()

    /// With padding. With `lineLength` (a multiple of 4; RFC 2045 §6.8 allows 76 at most), CRLF ends each line, the last one too.
    package static func encode(_ bytes: some Sequence<UInt8>, lineLength: Int? = nil) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.underestimatedCount / 3 * 4 + 8)
        var column = 0
        var group: UInt32 = 0
        var filled = 0
        func append(_ sextets: Int) {
            for place in 0..<4 {
                output.append(place < sextets ? alphabet[Int(group >> UInt32(18 - 6 * place)) & 0x3F] : UInt8(ascii: "="))
            }
            column += 4
            if let lineLength, column >= lineLength {
                output += [0x0D, 0x0A]
                column = 0
            }
        }
        for byte in bytes {
            group |= UInt32(byte) << UInt32(16 - 8 * filled)
            filled += 1
            if filled == 3 {
                append(4)
                (group, filled) = (0, 0)
            }
        }
        if filled > 0 { append(filled + 1) }
        if lineLength != nil, column > 0 { output += [0x0D, 0x0A] }
        return output
    }

    /// As message bodies are read: bytes outside of the alphabet are skipped, padding may be missing or stand in the middle.
    package static func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var decoder = Base64Decoder()
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count / 4 * 3 + 3)
        decoder.decode(bytes, into: &output)
        decoder.finish(into: &output)
        return output
    }

    /// As AUTH exchanges it (RFC 4954 §4, RFC 4648 §3): nil on any other byte, missing padding, or bits behind the end.
    package static func decodeStrictly(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        guard bytes.count % 4 == 0 else { return nil }
        let padding = bytes.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        let digits = bytes.dropLast(padding)
        guard digits.allSatisfy({ values[Int($0)] < 0x40 }) else { return nil }
        if let last = digits.last, padding > 0, values[Int(last)] & (padding == 1 ? 0x03 : 0x0F) != 0 { return nil }
        return decode(bytes)
    }
}

/// Base64 in pieces, with the tolerance of `Base64.decode`.
package struct Base64Decoder: Sendable {
    private var group: UInt32 = 0
    private var sextets = 0

    package init() {}

    package mutating func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        var decoder = self
        // Three bytes for each four, those held back included.
        output += [UInt8](unsafeUninitializedCapacity: bytes.count + 3) { target, count in
            bytes.withUnsafeBufferPointer { decoder.decode($0, to: target, &count) }
        }
        self = decoder
    }

    private mutating func decode(_ input: UnsafeBufferPointer<UInt8>, to target: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int) {
        Base64.values.withUnsafeBufferPointer { values in
            var index = 0
            while index < input.count {
                while sextets == 0, index + 4 <= input.count {
                    let a = values[Int(input[index])]
                    let b = values[Int(input[index + 1])]
                    let c = values[Int(input[index + 2])]
                    let d = values[Int(input[index + 3])]
                    guard (a | b | c | d) < 0x40 else { break }
                    target[count] = a << 2 | b >> 4
                    target[count + 1] = b << 4 | c >> 2
                    target[count + 2] = c << 6 | d
                    count += 3
                    index += 4
                }
                guard index < input.count else { return }
                let byte = input[index]
                index += 1
                if byte == UInt8(ascii: "=") {
                    finish { byte in
                        target[count] = byte
                        count += 1
                    }
                    continue
                }
                let value = values[Int(byte)]
                guard value < 0x40 else { continue }
                group = group << 6 | UInt32(value)
                sextets += 1
                if sextets == 4 {
                    target[count] = UInt8(truncatingIfNeeded: group >> 16)
                    target[count + 1] = UInt8(truncatingIfNeeded: group >> 8)
                    target[count + 2] = UInt8(truncatingIfNeeded: group)
                    count += 3
                    (group, sextets) = (0, 0)
                }
            }
        }
    }

    /// What a group without its end still says; a single character says nothing.
    package mutating func finish(into output: inout [UInt8]) { finish { output.append($0) } }

    private mutating func finish(_ append: (UInt8) -> Void) {
        if sextets == 2 {
            append(UInt8(truncatingIfNeeded: group >> 4))
        } else if sextets == 3 {
            append(UInt8(truncatingIfNeeded: group >> 10))
            append(UInt8(truncatingIfNeeded: group >> 2))
        }
        (group, sextets) = (0, 0)
    }
}
