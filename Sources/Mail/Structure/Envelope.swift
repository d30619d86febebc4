/// ENVELOPE, as IMAP puts it on the wire (RFC 3501 §7.4.2).
package enum Envelope {
    /// The envelope of the message whose header section is `header`, parentheses included.
    package static func format(_ header: HeaderSection, in message: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var fields = EnvelopeFields()
        for field in header.fields { fields.add(field, FieldName(UnsafeBufferPointer(rebasing: message[field.name]))) }
        return fields.format(message)
    }
}

/// Where the fields of an envelope are. Of originator fields and of those that may come only once (RFC 5322 §3.6), the first
/// counts; destinations that come in several fields are one list.
struct EnvelopeFields {
    private(set) var date: Range<Int>?
    private(set) var subject: HeaderField?
    private(set) var from: Range<Int>?
    private(set) var sender: Range<Int>?
    private(set) var replyTo: Range<Int>?
    private(set) var to: [Range<Int>] = []
    private(set) var cc: [Range<Int>] = []
    private(set) var bcc: [Range<Int>] = []
    private(set) var inReplyTo: Range<Int>?
    private(set) var messageID: Range<Int>?

    mutating func add(_ field: HeaderField, _ name: FieldName?) {
        switch name {
        case .date: date = date ?? field.body
        case .subject: subject = subject ?? field
        case .from: from = from ?? field.body
        case .sender: sender = sender ?? field.body
        case .replyTo: replyTo = replyTo ?? field.body
        case .to: to.append(field.body)
        case .cc: cc.append(field.body)
        case .bcc: bcc.append(field.body)
        case .inReplyTo: inReplyTo = inReplyTo ?? field.body
        case .messageID: messageID = messageID ?? field.body
        case .received, .contentType, .contentTransferEncoding, .contentID, .contentDescription, .contentDisposition, .contentLanguage,
            .contentLocation, .contentMD5, nil:
            break
        }
    }

    func format(_ message: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var wire: [UInt8] = []
        wire.reserveCapacity(384)
        wire.append(UInt8(ascii: "("))
        Self.append(date, message, to: &wire)
        wire.append(UInt8.space)
        Self.append(subject?.body, message, to: &wire)
        let originator = Self.addresses(from.map { [$0] } ?? [], message)
        wire.append(UInt8.space)
        wire.append(contentsOf: originator)
        for field in [sender, replyTo] {
            let addresses = Self.addresses(field.map { [$0] } ?? [], message)
            wire.append(UInt8.space)
            // RFC 3501 §7.4.2: an absent or empty Sender or Reply-To is the same as From.
            wire.append(contentsOf: addresses.count == 3 ? originator : addresses)
        }
        for fields in [to, cc, bcc] {
            wire.append(UInt8.space)
            wire.append(contentsOf: Self.addresses(fields, message))
        }
        wire.append(UInt8.space)
        Self.append(inReplyTo, message, to: &wire)
        wire.append(UInt8.space)
        Self.append(messageID, message, to: &wire)
        wire.append(UInt8(ascii: ")"))
        return wire
    }

    /// RFC 3501 §7.4.2: an absent field is NIL, one that is present but empty is "".
    private static func append(_ body: Range<Int>?, _ message: UnsafeBufferPointer<UInt8>, to wire: inout [UInt8]) {
        guard let body else {
            wire.append("NIL")
            return
        }
        let text = UnsafeBufferPointer(rebasing: message[body])
        if text.contains(where: { $0 == .lineFeed || $0 == .carriageReturn }) {
            wire.appendString(unfold(message, body))
        } else {
            wire.appendString(text)
        }
    }

    /// A list of addresses, or NIL when there is none.
    private static func addresses(_ fields: [Range<Int>], _ message: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var wire: [UInt8] = []
        for field in fields where wire.count <= MessageLimits.addressList {
            for item in AddressList.parse([UInt8](message[field])[...]) {
                switch item {
                case .mailbox(let mailbox): append(mailbox, to: &wire)
                case .group(let name, let members):
                    // RFC 3501 §7.4.2: a group is its name with a NIL host, its members, and an address of NILs.
                    wire.append(wire.isEmpty ? "((NIL NIL " : "(NIL NIL ")
                    wire.appendString(name)
                    wire.append(" NIL)")
                    for member in members { append(member, to: &wire) }
                    wire.append("(NIL NIL NIL NIL)")
                }
            }
        }
        guard !wire.isEmpty else { return Array("NIL".utf8) }
        wire.append(UInt8(ascii: ")"))
        return wire
    }

    /// A missing local part or domain is "", since NIL would mean a group (RFC 3501 §7.4.2).
    private static func append(_ mailbox: MailboxAddress, to wire: inout [UInt8]) {
        wire.append(wire.isEmpty ? "((" : "(")
        wire.appendNString(mailbox.displayName)
        wire.append(UInt8.space)
        wire.appendNString(mailbox.route)
        wire.append(UInt8.space)
        wire.appendString(mailbox.localPart)
        wire.append(UInt8.space)
        wire.appendString(mailbox.domain)
        wire.append(UInt8(ascii: ")"))
    }
}
