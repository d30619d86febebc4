/// RFC 1843: Chinese in seven bits, which glibc does not know.
enum HZ {
    /// As GB 2312 in eight bits: what stands between `~{` and `~}` gets its high bits, the other escapes are undone.
    static func doubleByte(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        var isDouble = false
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            let next = index + 1 < bytes.endIndex ? bytes[index + 1] : 0
            index += 1
            // RFC 1843 §2: the second byte of a pair may be `~`, so pairs are taken whole.
            if isDouble, byte != UInt8(ascii: "~"), (0x21...0x77).contains(byte), (0x21...0x7E).contains(next) {
                output += [byte | 0x80, next | 0x80]
                index += 1
                continue
            }
            guard byte == UInt8(ascii: "~") else {
                // A line's end leaves the double-byte mode.
                if byte == 0x0A { isDouble = false }
                output.append(byte)
                continue
            }
            switch next {
            case UInt8(ascii: "{"): isDouble = true
            case UInt8(ascii: "}"): isDouble = false
            case UInt8(ascii: "~"): output.append(byte)
            case 0x0A: break
            default:
                output.append(byte)
                continue
            }
            index += 1
        }
        return output
    }
}
