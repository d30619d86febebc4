import Mail

/// Bytes on their way to the peer, formatted in place. What leaves is cut into pieces; the start moves, and the bytes follow
/// once more than half of the storage is dead: n bytes cost O(n), and no more than twice of what waits is held.
struct ResponseBuffer {
    private(set) var bytes: [UInt8] = []
    private var start = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { bytes.count == start }
    /// What it occupies, dead bytes included.
    var heldBytes: Int { bytes.count }

    mutating func append(_ byte: UInt8) { bytes.append(byte) }

    mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ text: [UInt8]) { bytes.append(contentsOf: text) }

    mutating func append(_ text: ArraySlice<UInt8>) { bytes.append(contentsOf: text) }

    mutating func append(text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func crlf() {
        bytes.append(0x0D)
        bytes.append(0x0A)
    }

    mutating func append(decimal value: some FixedWidthInteger & UnsignedInteger) {
        if value < 10 {
            bytes.append(0x30 &+ UInt8(truncatingIfNeeded: value))
            return
        }
        var digits: UInt64 = UInt64(value)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { scratch in
            var place = 20
            while digits > 0 {
                place -= 1
                scratch[place] = 0x30 &+ UInt8(truncatingIfNeeded: digits % 10)
                digits /= 10
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: scratch[place..<20]))
        }
    }

    mutating func append(decimal value: Int) { append(decimal: UInt64(max(0, value))) }

    /// RFC 3501 §9 `astring` as a server says it: an atom where that is enough, else quoted, else a literal.
    mutating func append(astring text: [UInt8]) {
        if !text.isEmpty, text.allSatisfy({ isAtomByte($0) }) {
            append(text)
        } else {
            append(string: text)
        }
    }

    /// RFC 3501 §9 `string`.
    mutating func append(string text: [UInt8]) {
        if text.count < 1_024, text.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            append(0x22)
            for byte in text {
                if byte == 0x22 || byte == 0x5C { append(0x5C) }
                append(byte)
            }
            append(0x22)
        } else {
            append(literal: text.count)
            append(text)
        }
    }

    /// The announcement of a literal.
    mutating func append(literal length: Int) {
        append(0x7B)
        append(decimal: length)
        append("}\r\n")
    }

    /// RFC 3501 §9 `flag-list`.
    mutating func append(_ flags: Flags, isRecent: Bool) {
        append(0x28)
        var isFirst = true
        func separator(_ buffer: inout ResponseBuffer) {
            if isFirst { isFirst = false } else { buffer.append(0x20) }
        }
        for known in SystemFlags.all where flags.system.contains(known.flag) {
            separator(&self)
            append(text: known.name)
        }
        if isRecent {
            separator(&self)
            append("\\Recent")
        }
        for keyword in flags.keywords {
            separator(&self)
            append(text: keyword)
        }
        append(0x29)
    }

    /// RFC 3501 §9 `set`, with ranges.
    mutating func append(_ set: UIDSet) {
        var isFirst = true
        for range in set.ranges {
            if isFirst { isFirst = false } else { append(0x2C) }
            append(decimal: range.lowerBound)
            if range.upperBound != range.lowerBound {
                append(0x3A)
                append(decimal: range.upperBound)
            }
        }
    }

    /// Takes out at most `limit` bytes.
    mutating func take(_ limit: Int) -> [UInt8] {
        if start == 0, bytes.count <= limit {
            var taken: [UInt8] = []
            swap(&taken, &bytes)
            return taken
        }
        let end = min(start + limit, bytes.count)
        let taken = Array(bytes[start..<end])
        start = end
        if start == bytes.count {
            bytes = []
            start = 0
        } else if start > bytes.count / 2 {
            bytes.removeSubrange(..<start)
            start = 0
        }
        return taken
    }
}
