/// Which columns a row must carry: what is not asked for is not read.
package struct Fields: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let flags = Fields(rawValue: 1)
    package static let internalDate = Fields(rawValue: 2)
    package static let size = Fields(rawValue: 4)
    package static let envelope = Fields(rawValue: 8)
    /// The MIME tree: BODY, BODYSTRUCTURE, and section look-ups.
    package static let structure = Fields(rawValue: 16)
    /// What is needed to read bytes.
    package static let body = Fields(rawValue: 32)
}

package struct MessageRow: Sendable, Equatable {
    package var uid: UID
    package var modSeq: ModSeq
    package var flags: Flags
    package var internalDate: InternalDate
    package var size: Int
    /// ENVELOPE as it goes on the wire, parentheses included (`Mail.MessageSummary.envelope`). Empty unless asked for.
    package var envelope: [UInt8]
    /// `Mail.MessageStructure` in its stored form. Empty unless asked for.
    package var structure: [UInt8]
    package var body: BodyReference

    package init(
        uid: UID, modSeq: ModSeq, flags: Flags, internalDate: InternalDate, size: Int, envelope: [UInt8], structure: [UInt8],
        body: BodyReference
    ) {
        self.uid = uid
        self.modSeq = modSeq
        self.flags = flags
        self.internalDate = internalDate
        self.size = size
        self.envelope = envelope
        self.structure = structure
        self.body = body
    }
}
