/// uuencode in pieces (IEEE 1003.1 `uuencode`): the lines between `begin` and `end`; what stands around them is dropped.
package struct UUDecoder: Sendable {
    /// Bytes of a line that are kept; a full one has 61.
    package static let lineLimit = 128

    private var line: [UInt8] = []
    private var isInside = false

    package init() {}

    package mutating func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        for byte in bytes {
            if byte == 0x0A {
                finishLine(into: &output)
            } else if line.count < Self.lineLimit {
                line.append(byte)
            }
        }
    }

    package mutating func finish(into output: inout [UInt8]) {
        finishLine(into: &output)
        isInside = false
    }

    private mutating func finishLine(into output: inout [UInt8]) {
        defer { line.removeAll(keepingCapacity: true) }
        if line.last == 0x0D { line.removeLast() }
        guard isInside else {
            isInside = line.starts(with: "begin ".utf8)
            return
        }
        if line.elementsEqual("end".utf8) {
            isInside = false
            return
        }
        guard let first = line.first, (0x20...0x60).contains(first) else { return }
        var missing = Int((first - 0x20) & 0x3F)
        var index = 1
        while missing > 0, index < line.count {
            var group: UInt32 = 0
            for place in 0..<4 {
                // Trailing spaces, which stand for zeros, are lost on the way.
                let byte = index + place < line.count ? line[index + place] : 0x20
                group = group << 6 | UInt32((byte &- 0x20) & 0x3F)
            }
            for shift in [16, 8, 0] as [UInt32] where missing > 0 {
                output.append(UInt8(truncatingIfNeeded: group >> shift))
                missing -= 1
            }
            index += 4
        }
    }
}
