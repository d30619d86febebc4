/// A mailbox name that may be: decoded, levels separated by `/`, INBOX in capitals.
package struct MailboxName: Hashable, Sendable {
    /// Bytes of UTF-8 in a whole name.
    package static let maximumLength = 1_000
    /// Bytes of UTF-8 in one level.
    package static let maximumLevelLength = 255
    package static let maximumLevels = 32
    /// RFC 3501 §6.3.8: the hierarchy delimiter.
    package static let separator: UInt8 = 0x2F

    package let text: String

    /// From the wire. Modified UTF-7, or UTF-8 as some clients send it. Throws NO [CANNOT] (RFC 5530 §3).
    init(wire: [UInt8]) throws(CommandError) {
        let decoded: String
        if wire.contains(where: { $0 >= 0x80 }) {
            guard let utf8 = String(validating: wire, as: UTF8.self) else { throw Self.refused("is neither modified UTF-7 nor UTF-8") }
            decoded = utf8
        } else {
            guard let name = ModifiedUTF7.decode(wire) else { throw Self.refused("is not modified UTF-7") }
            decoded = name
        }
        try self.init(checking: decoded)
    }

    init(checking name: String) throws(CommandError) {
        if name.isEmpty { throw Self.refused("is empty") }
        if name.utf8.count > Self.maximumLength { throw Self.refused("is too long") }
        for scalar in name.unicodeScalars where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
            throw Self.refused("has control characters")
        }
        let levels = name.split(separator: "/", omittingEmptySubsequences: false)
        if levels.count > Self.maximumLevels { throw Self.refused("has too many levels") }
        for level in levels {
            if level.isEmpty { throw Self.refused("has an empty level") }
            if level.utf8.count > Self.maximumLevelLength { throw Self.refused("has a level that is too long") }
        }
        // RFC 3501 §5.1: INBOX in any case; the levels below it follow.
        let first = levels[0].utf8
        if first.count == 5, first.elementsEqual("INBOX".utf8, by: { upperCased($0) == $1 }) {
            text = "INBOX" + name.dropFirst(levels[0].count)
        } else {
            text = name
        }
    }

    private static func refused(_ why: String) -> CommandError {
        .no(Refusal(code: "CANNOT", "This mailbox name \(why)"))
    }

    /// Whether it may be given to a new mailbox: wildcards would never be found again by LIST.
    func checkedForCreation() throws(CommandError) -> MailboxName {
        if text.utf8.contains(where: { $0 == 0x25 || $0 == 0x2A }) { throw Self.refused("has wildcards") }
        return self
    }
}

extension CommandReader {
    /// RFC 3501 §9 `mailbox`.
    mutating func mailbox() throws(CommandError) -> MailboxName {
        let wire = try astring()
        return try MailboxName(wire: wire)
    }
}
