/// The checksum of gzip and zip.
package enum CRC32 {
    package static func of(_ bytes: some Sequence<UInt8>) -> UInt32 { ~update(~0, bytes) }

    /// Of these bytes and so many zeros behind them, however many those are.
    package static func of(_ bytes: some Sequence<UInt8>, zeros count: Int) -> UInt32 {
        // What a zero byte makes of each bit; squared, what two make, four, …
        var operation = (0..<32).map { update(1 << $0, [0]) }
        var sum = update(~0, bytes)
        var rest = count
        while rest > 0 {
            if rest & 1 == 1 { sum = apply(operation, sum) }
            operation = operation.map { apply(operation, $0) }
            rest >>= 1
        }
        return ~sum
    }

    private static func apply(_ operation: [UInt32], _ sum: UInt32) -> UInt32 {
        (0..<32).reduce(0) { sum >> $1 & 1 == 1 ? $0 ^ operation[$1] : $0 }
    }

    private static func update(_ sum: UInt32, _ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(sum) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
    }

    private static let table = (0..<256 as Range<UInt32>).map { byte in
        (0..<8).reduce(byte) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
}
