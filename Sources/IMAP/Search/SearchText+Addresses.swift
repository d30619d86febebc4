import Mail

extension SearchText {
    private static let fields = ["from", "to", "cc", "bcc"].map { Array($0.utf8) }

    /// Whether it occurs in an address as the envelope has it: without the comments, quotes and white space of the field.
    /// RFC 3501 §6.4.4: FROM, TO, CC and BCC look into the envelope structure.
    func occurs(inAddressesOf field: [UInt8], _ body: [UInt8]) -> Bool {
        // Where nothing of that kind stands in the field, it was compared already.
        guard body.contains(where: { $0 == 0x28 || $0 == 0x20 || $0 == 0x22 || $0 == 0x5C }),
            Self.fields.contains(CaseFolding.fold(field))
        else { return false }
        return AddressList.parse(body[...]).contains { item in
            switch item {
            case .mailbox(let mailbox): occurs(in: mailbox)
            case .group(_, let members): members.contains { occurs(in: $0) }
            }
        }
    }

    private func occurs(in mailbox: MailboxAddress) -> Bool {
        guard !mailbox.domain.isEmpty else { return false }
        return occurs(in: String(decoding: mailbox.localPart + [0x40] + mailbox.domain, as: UTF8.self))
    }
}
