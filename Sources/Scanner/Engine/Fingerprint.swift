/// What tells one extracted file from another without keeping either: its size, and a hash of all its bytes whose key nobody outside of
/// this process knows (SipHash): no other file is made to look like one that was scanned.
struct Fingerprint: Hashable, Sendable {
    private let count: Int
    private let sum: Int

    init(_ bytes: UnsafeRawBufferPointer) {
        count = bytes.count
        var hasher = Hasher()
        hasher.combine(bytes: bytes)
        sum = hasher.finalize()
    }
}
