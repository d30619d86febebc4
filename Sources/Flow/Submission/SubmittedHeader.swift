import Mail

/// What has to be known of the header of a message that a client of ours submits, before it may go on.
struct SubmittedHeader: Sendable, Equatable {
    enum Defect: Sendable, Equatable {
        /// It is longer than `MessageLimits.header`: what stands behind that can't be judged.
        case tooLong
        /// The field may be there once at the most.
        case repeated(String)
        /// No address can be read in the field, or one that is none.
        case malformed(String)
        /// More than `authorLimit` addresses.
        case tooManyAuthors
    }

    /// Addresses in From and Sender together.
    static let authorLimit = 100

    /// The addresses of From and Sender, each once.
    private(set) var authors: [Address] = []
    private(set) var hasFrom = false
    private(set) var hasDate = false
    private(set) var hasMessageID = false
    /// What must not go on: fields, in order, without overlaps.
    private(set) var removed: [Range<Int>] = []
    /// Whether the original begins with a header section.
    let isPresent: Bool
    /// Where the section ends without the empty line that must follow, and something follows: a reader that goes on would find fields there.
    private(set) var gap: Int?
    private(set) var defect: Defect?

    init(reading bytes: UnsafeBufferPointer<UInt8>) {
        let section = HeaderSection(parsing: bytes)
        isPresent = section.end > 0
        if let first = section.fields.first, first.range.lowerBound > 0 {
            // The "From " line of a mailbox file is no field, and ours are put before it.
            removed.append(0..<first.range.lowerBound)
        }
        var hasSender = false
        for field in section.fields {
            switch Name(field, bytes) {
            case .blindCopy: removed.append(field.range)
            // An empty one is as good as none.
            case .date where field.body.isEmpty, .messageID where field.body.isEmpty: removed.append(field.range)
            case .date: hasDate = true
            case .messageID: hasMessageID = true
            case .from:
                // RFC 5322 §3.6: From and Sender once each.
                if hasFrom { note(.repeated("From")) }
                hasFrom = true
                readAuthors(field, "From", bytes)
            case .sender:
                if hasSender { note(.repeated("Sender")) }
                hasSender = true
                readAuthors(field, "Sender", bytes)
            case nil: break
            }
        }
        guard isPresent, !Self.isEnded(section, bytes) else { return }
        if bytes.count > MessageLimits.header { note(.tooLong) }
        if bytes.count > section.end { gap = section.end }
    }

    /// What came first is told.
    private mutating func note(_ defect: Defect) {
        if self.defect == nil { self.defect = defect }
    }

    /// Whether an empty line ends the section.
    private static func isEnded(_ section: HeaderSection, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let end = section.end
        if end == 2 { return true }
        return end >= 4 && bytes[(end - 4)..<end].elementsEqual([0x0D, 0x0A, 0x0D, 0x0A])
    }

    /// RFC 5322 §3.6.2, and RFC 6854 §2.1 for the groups.
    private mutating func readAuthors(_ field: HeaderField, _ name: String, _ bytes: UnsafeBufferPointer<UInt8>) {
        let items = AddressList.parse(unfold(bytes, field.body)[...])
        // Repetitions and empty groups count: the parser ends at a number of its own, and what it left out can't be judged.
        let written = items.reduce(0) { count, item in
            if case .group(_, let members) = item { count + 1 + members.count } else { count + 1 }
        }
        guard written <= Self.authorLimit else { return note(.tooManyAuthors) }
        var count = 0
        for item in items {
            let mailboxes =
                switch item {
                case .mailbox(let mailbox): [mailbox]
                case .group(_, let members): members
                }
            for mailbox in mailboxes {
                guard let address = Address(mailbox) else { return note(.malformed(name)) }
                count += 1
                guard !authors.contains(where: { $0.key == address.key }) else { continue }
                guard authors.count < Self.authorLimit else { return note(.tooManyAuthors) }
                authors.append(address)
            }
        }
        if count == 0 { note(.malformed(name)) }
    }

    /// The fields that count here. ASCII case does not (RFC 5322 §1.2.2).
    private enum Name {
        case from, sender, date, messageID, blindCopy

        init?(_ field: HeaderField, _ bytes: UnsafeBufferPointer<UInt8>) {
            func spells(_ name: StaticString) -> Bool {
                name.withUTF8Buffer { field.isNamed($0, in: bytes) }
            }
            switch field.name.count {
            // RFC 5322 §3.6.3, §3.6.6.
            case 3 where spells("bcc"), 10 where spells("resent-bcc"): self = .blindCopy
            case 4 where spells("from"): self = .from
            case 4 where spells("date"): self = .date
            case 6 where spells("sender"): self = .sender
            case 10 where spells("message-id"): self = .messageID
            default: return nil
            }
        }
    }
}

extension Address {
    /// nil for what is no address that mail could be sent to.
    fileprivate init?(_ mailbox: MailboxAddress) {
        guard let local = String(validating: mailbox.localPart, as: UTF8.self), !local.isEmpty,
            let domain = try? Domain(parsing: mailbox.domain[...], allowUTF8: true)
        else { return nil }
        // The local part is checked by being read again as it would be written.
        let text = Address(localPart: local, domain: domain).description
        guard let address = try? Address(parsing: text, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit) else {
            return nil
        }
        self = address
    }
}
