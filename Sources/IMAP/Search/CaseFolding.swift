/// Letters without regard to case, in UTF-8: ASCII, all two-byte letters (Latin, Greek, Cyrillic, Armenian) and Latin
/// Extended Additional (Vietnamese) by Unicode's simple folding. RFC 3501 §6.4.4 asks for case-insensitive substrings.
enum CaseFolding {
    /// For U+0080 to U+07FF: what it folds to.
    private static let table: [UInt16] = (0x80..<0x800).map { value in
        guard let scalar = Unicode.Scalar(UInt32(value)) else { return UInt16(value) }
        // By way of the capital: ς, σ and Σ are one letter, as are µ and μ.
        let upper = Array(scalar.properties.uppercaseMapping.unicodeScalars)
        guard upper.count == 1 else { return UInt16(value) }
        let lower = Array(upper[0].properties.lowercaseMapping.unicodeScalars)
        guard lower.count == 1, lower[0].value < 0x800 else { return UInt16(value) }
        return UInt16(lower[0].value)
    }

    static func fold(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        bytes.withUnsafeBufferPointer { fold($0, into: &output) }
        return output
    }

    /// Ill-formed bytes are kept as they are.
    static func fold(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        output.reserveCapacity(output.count + bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                output.append(byte &- 0x41 < 26 ? byte | 0x20 : byte)
                index += 1
            } else if byte & 0xE0 == 0xC0, byte >= 0xC2, index + 1 < bytes.count, bytes[index + 1] & 0xC0 == 0x80 {
                append(table[Int(byte & 0x1F) << 6 + Int(bytes[index + 1] & 0x3F) - 0x80], to: &output)
                index += 2
            } else if byte == 0xE1, index + 2 < bytes.count, (0xB8...0xBB).contains(bytes[index + 1]), bytes[index + 2] & 0xC0 == 0x80 {
                // U+1E00 to U+1EFF: capitals are even, but for a few between U+1E96 and U+1E9F.
                let value = 0x1E00 + Int(bytes[index + 1] - 0xB8) << 6 + Int(bytes[index + 2] & 0x3F)
                let isCapital = value % 2 == 0 && !(0x1E96...0x1E9F).contains(value)
                output.append(byte)
                output.append(bytes[index + 1])
                output.append(isCapital ? bytes[index + 2] + 1 : bytes[index + 2])
                index += 3
            } else {
                output.append(byte)
                index += 1
            }
        }
    }

    private static func append(_ value: UInt16, to output: inout [UInt8]) {
        if value < 0x80 {
            output.append(UInt8(value))
        } else {
            output.append(0xC0 | UInt8(value >> 6))
            output.append(0x80 | UInt8(value & 0x3F))
        }
    }
}
