import Mail

/// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS.
extension MailboxSession {
    mutating func proceedSimple(_ completion: consuming Completion, _ answer: consuming Answer) {
        guard case .accepted = answer else {
            refuse(completion, answer)
            return
        }
        complete(completion)
    }

    mutating func delete(_ name: MailboxName, _ completion: consuming Completion) throws(CommandError) {
        // RFC 3501 §6.3.4: INBOX cannot be deleted.
        if name.text == "INBOX" { throw .no(Refusal(code: "CANNOT", "INBOX stays")) }
        completion.mayDeleteSelected = true
        ask(.delete(name.text), .simple(completion))
    }

    mutating func proceedStatus(
        _ name: MailboxName, _ items: [StatusItem], _ completion: consuming Completion, _ answer: consuming Answer
    ) {
        guard case .status(let status) = answer else {
            refuse(completion, answer)
            return
        }
        output.append("* STATUS ")
        output.append(astring: ModifiedUTF7.encode(name.text))
        output.append(" (")
        for (place, item) in items.enumerated() {
            if place > 0 { output.append(0x20) }
            output.append(text: item.rawValue)
            output.append(0x20)
            switch item {
            case .messages: output.append(decimal: status.messages)
            case .recent: output.append(decimal: status.recent)
            case .uidNext: output.append(decimal: status.uidNext)
            case .uidValidity: output.append(decimal: status.uidValidity)
            case .unseen: output.append(decimal: status.unseen)
            }
        }
        output.append(")\r\n")
        complete(completion)
    }
}
