import Glibc

/// What tells one extracted file from another without keeping either: its size and its ends. Cheap, so that it can be taken of all.
struct Fingerprint: Hashable, Sendable {
    private static let end = 4_096

    private let count: Int
    private let sum: UInt64

    init(_ bytes: UnsafeRawBufferPointer) {
        count = bytes.count
        let head = UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.end))
        let tail = UnsafeRawBufferPointer(rebasing: bytes.suffix(Self.end))
        sum = Self.sum(tail, Self.sum(head, 0xcbf2_9ce4_8422_2325))
    }

    private static func sum(_ bytes: UnsafeRawBufferPointer, _ start: UInt64) -> UInt64 {
        var sum = start
        var index = 0
        while index + 8 <= bytes.count {
            sum = (sum ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
            sum ^= sum >> 29
            index += 8
        }
        while index < bytes.count {
            sum = (sum ^ UInt64(bytes[index])) &* 0x100_0000_01b3
            index += 1
        }
        return sum
    }
}

/// What one call of libclamav reports through its callbacks.
struct ScanRecord: Sendable {
    private static let most = 20_000

    var alerts = Alerts()
    /// The files that were taken out of the message.
    private(set) var seen: Set<Fingerprint> = []
    /// Among them are archives whose members libclamav does not see.
    private(set) var holdsClosed = false

    mutating func see(_ bytes: UnsafeRawBufferPointer) {
        if !holdsClosed { holdsClosed = MemberLook.isClosed(bytes) }
        if seen.count < Self.most { seen.insert(Fingerprint(bytes)) }
    }
}
