/// What is kept beside a message, found in one pass at delivery.
package struct MessageSummary: Sendable, Hashable {
    /// ENVELOPE as IMAP puts it on the wire, parentheses included.
    package let envelope: [UInt8]
    /// `MessageStructure.encoded()`.
    package let structure: [UInt8]
    /// Whether the original begins with a header section: a field, an mbox "From " line with a field behind it, or the empty
    /// line that ends an empty section. When false all of it is body, and who puts trace fields before it must end them with
    /// an empty line. An empty original has no header, so that a delivered message always has its empty line.
    package let hasHeader: Bool
    /// Offset of the body in the original: 0 when there is no header.
    package let headerEnd: Int
    /// Received fields (RFC 5321 §6.3: for the loop limit).
    package let receivedCount: Int
    /// The first Message-ID as it stands there, angle brackets included; nil when absent or empty.
    package let messageID: String?
    /// The first Date field.
    package let date: InternalDate?
    /// The whole first Subject field with its line ends: what is hidden when the subject is tagged.
    package let subjectField: Range<Int>?
    /// The body of that field, still folded and encoded.
    package let subject: Range<Int>?

    /// Never fails. Linear in the message's length, which may be a mapped file; nothing points to it afterwards.
    package static func summarise(_ message: UnsafeBufferPointer<UInt8>) -> MessageSummary {
        var fields = EnvelopeFields()
        var receivedCount = 0
        var parser = MIMEParser(message)
        let structure = parser.parse { field, name in
            if case .received? = name { receivedCount += 1 } else { fields.add(field, name) }
        }
        let headerEnd = structure.parts.first?.header.upperBound ?? 0
        let messageID = fields.messageID.flatMap { $0.isEmpty ? nil : String(decoding: unfold(message, $0), as: UTF8.self) }
        return MessageSummary(
            envelope: fields.format(message), structure: structure.encoded(), hasHeader: headerEnd > 0, headerEnd: headerEnd,
            receivedCount: receivedCount, messageID: messageID, date: fields.date.flatMap { MailDate.parse([UInt8](message[$0])[...]) },
            subjectField: fields.subject?.range, subject: fields.subject?.body)
    }

    package static func summarise(_ message: Span<UInt8>) -> MessageSummary {
        message.withUnsafeBufferPointer { summarise($0) }
    }
}
