/// RFC 3501 §5.1.3: mailbox names on the wire.
package enum ModifiedUTF7 {
    /// Nil unless `bytes` is what `encode` would have made of some name: no superfluous base64, no broken surrogates, no
    /// bits left over, no 8-bit bytes.
    package static func decode(_ bytes: some Sequence<UInt8>) -> String? {
        let bytes = Array(bytes)
        var text = String.UnicodeScalarView()
        var index = 0
        var lastWasShifted = false
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x20, byte < 0x7F else { return nil }
            index += 1
            guard byte == 0x26 else {
                text.append(Unicode.Scalar(byte))
                lastWasShifted = false
                continue
            }
            guard let end = bytes[index...].firstIndex(of: 0x2D) else { return nil }
            if end == index {
                text.append("&")
                lastWasShifted = false
            } else {
                // Two runs of base64 side by side would be one.
                guard !lastWasShifted, let scalars = shifted(bytes[index..<end]) else { return nil }
                text.append(contentsOf: scalars)
                lastWasShifted = true
            }
            index = end + 1
        }
        return String(text)
    }

    private static func shifted(_ base64: ArraySlice<UInt8>) -> [Unicode.Scalar]? {
        var bits: UInt32 = 0
        var count = 0
        var units: [UInt16] = []
        for byte in base64 {
            guard let value = value(byte) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 16 {
                count -= 16
                units.append(UInt16(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        guard count < 6, bits == 0 else { return nil }
        var scalars: [Unicode.Scalar] = []
        var decoder = UTF16()
        var iterator = units.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar):
                if scalar.value >= 0x20, scalar.value < 0x7F { return nil }
                scalars.append(scalar)
            case .emptyInput: return scalars
            case .error: return nil
            }
        }
    }

    package static func encode(_ name: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var pending: [UInt16] = []
        for scalar in name.unicodeScalars {
            if scalar.value >= 0x20, scalar.value < 0x7F {
                shift(&pending, into: &bytes)
                bytes.append(UInt8(scalar.value))
                if scalar == "&" { bytes.append(0x2D) }
            } else {
                pending.append(contentsOf: UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter)
            }
        }
        shift(&pending, into: &bytes)
        return bytes
    }

    private static func shift(_ units: inout [UInt16], into bytes: inout [UInt8]) {
        if units.isEmpty { return }
        bytes.append(0x26)
        var bits: UInt32 = 0
        var count = 0
        for unit in units {
            bits = bits << 16 | UInt32(unit)
            count += 16
            while count >= 6 {
                count -= 6
                bytes.append(alphabet[Int(bits >> UInt32(count)) & 63])
                bits &= (1 << UInt32(count)) - 1
            }
        }
        if count > 0 { bytes.append(alphabet[Int(bits << UInt32(6 - count)) & 63]) }
        bytes.append(0x2D)
        units.removeAll(keepingCapacity: true)
    }

    /// Base64's, with `,` in the place of `/`.
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

    private static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case 0x2B: 62
        case 0x2C: 63
        default: nil
        }
    }
}
