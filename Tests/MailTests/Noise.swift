/// Bytes that look random and are the same in every run (splitmix64).
struct Noise: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// Up to `limit` bytes, mostly of `alphabet`, some of any kind.
    mutating func bytes(upTo limit: Int, of alphabet: [UInt8]) -> [UInt8] {
        (0..<Int.random(in: 0...limit, using: &self)).map { _ in
            Int.random(in: 0..<10, using: &self) == 0
                ? UInt8.random(in: 0...255, using: &self) : alphabet[Int.random(in: 0..<alphabet.count, using: &self)]
        }
    }
}

/// 256 KiB of the same, for tests with a time limit: linear work takes well under a second of the minute that they have,
/// quadratic work more than all of it.
func repeated(_ piece: String) -> [UInt8] {
    Array(repeatElement(piece.utf8, count: (1 << 18) / max(piece.utf8.count, 1)).joined())
}
