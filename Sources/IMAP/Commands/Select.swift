import Mail

/// SELECT, EXAMINE, and all the ways out: CLOSE, UNSELECT.
extension MailboxSession {
    mutating func select(_ tag: [UInt8], _ name: MailboxName, readOnly: Bool) {
        // RFC 3501 §6.3.1: the mailbox that was selected is left even when this one cannot be.
        deselect(then: .select(tag: tag, name, readOnly: readOnly))
    }

    mutating func deselect(then: consuming AfterDeselect) {
        guard let view = take(&view) else {
            proceedDeselected(then)
            return
        }
        ask(.deselect(view.id), .deselected(then: then))
    }

    mutating func proceedDeselected(_ then: consuming AfterDeselect) {
        switch consume then {
        case .select(let tag, let name, let readOnly):
            ask(.select(name.text, readOnly: readOnly), .selected(tag: tag, readOnly: readOnly))
        case .complete(let completion): complete(completion)
        }
    }

    mutating func proceedSelect(_ tag: [UInt8], readOnly: Bool, _ answer: consuming Answer) {
        guard case .selected(let selected) = answer else {
            refuse(Completion(tag: tag, ""), answer)
            return
        }
        let view = View(selected, isReadOnly: readOnly)
        self.view = view
        isWoken = false
        sayKnownFlags()
        sayExists(view.count)
        if let first = selected.firstUnseen, let number = view.sequenceNumber(of: first) {
            say(untagged: "OK [UNSEEN \(number)] First unseen message")
        }
        say(untagged: "OK [UIDVALIDITY \(selected.uidValidity)] UIDs valid")
        say(untagged: "OK [UIDNEXT \(selected.uidNext)] Predicted next UID")
        sayTagged(Completion(tag: tag, readOnly ? "OK [READ-ONLY] EXAMINE completed" : "OK [READ-WRITE] SELECT completed"))
        phase = .command
    }

    /// RFC 3501 §6.4.2: expunges without a word, unless the mailbox is read-only.
    mutating func close(_ completion: consuming Completion) {
        guard let view, !view.isReadOnly else {
            deselect(then: .complete(completion))
            return
        }
        ask(.expunge(view.id, nil), .closingExpunged(completion))
    }

    mutating func proceedCloseExpunged(_ completion: consuming Completion, _ answer: consuming Answer) {
        guard case .expunged = answer else {
            refuse(completion, answer)
            return
        }
        deselect(then: .complete(completion))
    }
}
