import Mail

/// EXPUNGE and UID EXPUNGE.
extension MailboxSession {
    func writableView() throws(CommandError) -> View {
        guard let view else { throw .bad("No mailbox is selected") }
        guard !view.isReadOnly else { throw .no(Refusal(code: "READ-ONLY", "The mailbox was opened with EXAMINE")) }
        return view
    }

    mutating func expunge(_ set: SequenceSet?, _ completion: consuming Completion) throws(CommandError) {
        let view = try writableView()
        guard let set else {
            ask(.expunge(view.id, nil), .expunged(completion))
            return
        }
        // RFC 4315 §2.1.
        let uids = try view.resolve(set, isUID: true)
        if uids.isEmpty { complete(completion) } else { ask(.expunge(view.id, uids), .expunged(completion)) }
    }

    mutating func proceedExpunge(_ completion: consuming Completion, _ answer: consuming Answer) {
        guard case .expunged(let uids, _) = answer else {
            refuse(completion, answer)
            return
        }
        // Told with everything else that happened, in one go.
        view?.lose(uids)
        complete(completion)
    }
}
