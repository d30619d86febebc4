/// The header fields that this module treats by name.
enum FieldName {
    case date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageID, received
    case contentType, contentTransferEncoding, contentID, contentDescription, contentDisposition, contentLanguage, contentLocation, contentMD5

    /// Nil for every other name. ASCII case does not matter (RFC 5322 §1.2.2).
    init?(_ name: UnsafeBufferPointer<UInt8>) {
        switch name.count {
        case 2:
            if equalsIgnoringCase(name, "to") { self = .to } else if equalsIgnoringCase(name, "cc") { self = .cc } else { return nil }
        case 3: if equalsIgnoringCase(name, "bcc") { self = .bcc } else { return nil }
        case 4:
            if equalsIgnoringCase(name, "from") {
                self = .from
            } else if equalsIgnoringCase(name, "date") {
                self = .date
            } else {
                return nil
            }
        case 6: if equalsIgnoringCase(name, "sender") { self = .sender } else { return nil }
        case 7: if equalsIgnoringCase(name, "subject") { self = .subject } else { return nil }
        case 8:
            if equalsIgnoringCase(name, "received") {
                self = .received
            } else if equalsIgnoringCase(name, "reply-to") {
                self = .replyTo
            } else {
                return nil
            }
        case 10:
            if equalsIgnoringCase(name, "message-id") {
                self = .messageID
            } else if equalsIgnoringCase(name, "content-id") {
                self = .contentID
            } else {
                return nil
            }
        case 11:
            if equalsIgnoringCase(name, "in-reply-to") {
                self = .inReplyTo
            } else if equalsIgnoringCase(name, "content-md5") {
                self = .contentMD5
            } else {
                return nil
            }
        case 12: if equalsIgnoringCase(name, "content-type") { self = .contentType } else { return nil }
        case 16:
            if equalsIgnoringCase(name, "content-language") {
                self = .contentLanguage
            } else if equalsIgnoringCase(name, "content-location") {
                self = .contentLocation
            } else {
                return nil
            }
        case 19:
            if equalsIgnoringCase(name, "content-disposition") {
                self = .contentDisposition
            } else if equalsIgnoringCase(name, "content-description") {
                self = .contentDescription
            } else {
                return nil
            }
        case 25: if equalsIgnoringCase(name, "content-transfer-encoding") { self = .contentTransferEncoding } else { return nil }
        default: return nil
        }
    }
}

/// `lowercase` must be ASCII in lower case.
@inline(__always)
func equalsIgnoringCase(_ bytes: UnsafeBufferPointer<UInt8>, _ lowercase: StaticString) -> Bool {
    guard bytes.count == lowercase.utf8CodeUnitCount else { return false }
    let other = lowercase.utf8Start
    for index in 0..<bytes.count where lowercased(bytes[index]) != other[index] { return false }
    return true
}

func equalsIgnoringCase(_ bytes: [UInt8], _ lowercase: StaticString) -> Bool {
    bytes.withUnsafeBufferPointer { equalsIgnoringCase($0, lowercase) }
}

@inline(__always)
func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 65 < 26 ? byte | 0x20 : byte
}
