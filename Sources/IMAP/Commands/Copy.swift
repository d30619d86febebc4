import Mail

/// COPY and MOVE.
extension MailboxSession {
    mutating func copyMessages(
        _ set: SequenceSet, isUID: Bool, to name: MailboxName, isMove: Bool, _ completion: consuming Completion
    ) throws(CommandError) {
        guard let view = isMove ? try writableView() : view else { throw .bad("No mailbox is selected") }
        let uids = try view.resolve(set, isUID: isUID)
        if uids.isEmpty {
            complete(completion)
            return
        }
        ask(.copy(view.id, uids, to: name.text, isMove: isMove), .copied(isMove: isMove, completion))
    }

    mutating func proceedCopy(isMove: Bool, _ completion: consuming Completion, _ answer: consuming Answer) {
        guard case .copied(let copied) = answer else {
            refuse(completion, answer)
            return
        }
        if copied.sources.isEmpty {
            // RFC 5530 §3: all of them were expunged by another session.
            completion.status = Array("NO [EXPUNGEISSUED] The messages no longer exist".utf8)
            complete(completion)
            return
        }
        var code = ResponseBuffer()
        code.append("OK [COPYUID ")
        code.append(decimal: copied.uidValidity)
        code.append(0x20)
        code.append(copied.sources)
        code.append(0x20)
        code.append(copied.destinations)
        code.append("] ")
        if isMove {
            // RFC 6851 §4.3: COPYUID goes untagged, before the EXPUNGEs.
            output.append("* ")
            output.append(code.bytes)
            output.append("Moved\r\n")
            view?.lose(copied.sources)
        } else {
            completion.status = code.bytes + Array("Copied".utf8)
        }
        complete(completion)
    }
}
