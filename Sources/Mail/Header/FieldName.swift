/// The header fields that this module treats by name.
enum FieldName {
    case date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageID, received
    case contentType, contentTransferEncoding, contentID, contentDescription, contentDisposition, contentLanguage, contentLocation,
        contentMD5

    /// Nil for every other name. ASCII case does not matter (RFC 5322 §1.2.2).
    init?(_ name: UnsafeBufferPointer<UInt8>) {
        switch name.count {
        case 2:
            if name.isCaseInsensitivelyEqual(toLowercase: "to") {
                self = .to
            } else if name.isCaseInsensitivelyEqual(toLowercase: "cc") {
                self = .cc
            } else {
                return nil
            }
        case 3: if name.isCaseInsensitivelyEqual(toLowercase: "bcc") { self = .bcc } else { return nil }
        case 4:
            if name.isCaseInsensitivelyEqual(toLowercase: "from") {
                self = .from
            } else if name.isCaseInsensitivelyEqual(toLowercase: "date") {
                self = .date
            } else {
                return nil
            }
        case 6: if name.isCaseInsensitivelyEqual(toLowercase: "sender") { self = .sender } else { return nil }
        case 7: if name.isCaseInsensitivelyEqual(toLowercase: "subject") { self = .subject } else { return nil }
        case 8:
            if name.isCaseInsensitivelyEqual(toLowercase: "received") {
                self = .received
            } else if name.isCaseInsensitivelyEqual(toLowercase: "reply-to") {
                self = .replyTo
            } else {
                return nil
            }
        case 10:
            if name.isCaseInsensitivelyEqual(toLowercase: "message-id") {
                self = .messageID
            } else if name.isCaseInsensitivelyEqual(toLowercase: "content-id") {
                self = .contentID
            } else {
                return nil
            }
        case 11:
            if name.isCaseInsensitivelyEqual(toLowercase: "in-reply-to") {
                self = .inReplyTo
            } else if name.isCaseInsensitivelyEqual(toLowercase: "content-md5") {
                self = .contentMD5
            } else {
                return nil
            }
        case 12: if name.isCaseInsensitivelyEqual(toLowercase: "content-type") { self = .contentType } else { return nil }
        case 16:
            if name.isCaseInsensitivelyEqual(toLowercase: "content-language") {
                self = .contentLanguage
            } else if name.isCaseInsensitivelyEqual(toLowercase: "content-location") {
                self = .contentLocation
            } else {
                return nil
            }
        case 19:
            if name.isCaseInsensitivelyEqual(toLowercase: "content-disposition") {
                self = .contentDisposition
            } else if name.isCaseInsensitivelyEqual(toLowercase: "content-description") {
                self = .contentDescription
            } else {
                return nil
            }
        case 25:
            if name.isCaseInsensitivelyEqual(toLowercase: "content-transfer-encoding") {
                self = .contentTransferEncoding
            } else {
                return nil
            }
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
