import Filter

/// Reading headers in memory: nothing is read beyond the end, and numbers don't overflow.
extension UnsafeRawBufferPointer {
    /// Little-endian; nil where the bytes end before.
    func little(_ offset: Int, _ bytes: Int) -> Int? {
        guard offset >= 0, bytes <= 7, offset <= count - bytes else { return nil }
        return (0..<bytes).reduce(0) { $0 | Int(self[offset + $1]) << (8 * $1) }
    }

    /// Nil where the bytes end before.
    func slice(_ offset: Int, _ length: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
        return UnsafeRawBufferPointer(rebasing: self[offset..<(offset + length)])
    }

    /// Up to the first NUL, at most `limit` bytes.
    func text(_ offset: Int, limit: Int) -> UnsafeRawBufferPointer? {
        guard offset >= 0, offset < count else { return nil }
        var end = offset
        while end < count, end - offset < limit, self[end] != 0 { end += 1 }
        return slice(offset, end - offset)
    }

    func begins(_ offset: Int, _ bytes: [UInt8]) -> Bool {
        guard let slice = slice(offset, bytes.count) else { return false }
        return slice.elementsEqual(bytes)
    }
}
