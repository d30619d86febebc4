import Mail

/// What the fields that this server wrote before a message in a mailbox tell of how it came there. Whatever a stranger wrote stands
/// behind our Received.
struct Passage: Sendable, Equatable {
    /// Whether an administrator let it out of the quarantine.
    private(set) var isReleased = false

    init(reading prefix: [UInt8]) {
        prefix.withUnsafeBufferPointer { bytes in
            for field in HeaderSection(parsing: bytes).fields {
                if field.isNamed("x-quarantine-release".utf8, in: bytes) { isReleased = true }
                if field.isNamed("received".utf8, in: bytes) { return }
            }
        }
    }
}
