/// The header fields that this module treats by name.
enum FieldName {
    case date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageID, received
    case contentType, contentTransferEncoding, contentID, contentDescription, contentDisposition, contentLanguage, contentLocation,
        contentMD5

    /// Nil for every other name. ASCII case does not matter (RFC 5322 §1.2.2).
    init?(_ name: UnsafeBufferPointer<UInt8>) {
        func spells(_ lowercase: StaticString) -> Bool { name.isCaseInsensitivelyEqual(toLowercase: lowercase) }
        switch name.count {
        case 2 where spells("to"): self = .to
        case 2 where spells("cc"): self = .cc
        case 3 where spells("bcc"): self = .bcc
        case 4 where spells("from"): self = .from
        case 4 where spells("date"): self = .date
        case 6 where spells("sender"): self = .sender
        case 7 where spells("subject"): self = .subject
        case 8 where spells("received"): self = .received
        case 8 where spells("reply-to"): self = .replyTo
        case 10 where spells("message-id"): self = .messageID
        case 10 where spells("content-id"): self = .contentID
        case 11 where spells("in-reply-to"): self = .inReplyTo
        case 11 where spells("content-md5"): self = .contentMD5
        case 12 where spells("content-type"): self = .contentType
        case 16 where spells("content-language"): self = .contentLanguage
        case 16 where spells("content-location"): self = .contentLocation
        case 19 where spells("content-disposition"): self = .contentDisposition
        case 19 where spells("content-description"): self = .contentDescription
        case 25 where spells("content-transfer-encoding"): self = .contentTransferEncoding
        default: return nil
        }
    }

    /// RFC 2045 §9: the fields that describe a body.
    var isMIME: Bool {
        switch self {
        case .contentType, .contentTransferEncoding, .contentID, .contentDescription, .contentDisposition, .contentLanguage,
            .contentLocation, .contentMD5:
            true
        case .date, .subject, .from, .sender, .replyTo, .to, .cc, .bcc, .inReplyTo, .messageID, .received: false
        }
    }
}
