import Dialogue
import Mail

/// APPEND in progress.
struct Append {
    var tag: [UInt8]
    var arguments: AppendArguments
    var size: Int
    var isSynchronising: Bool
    var remaining: Int
}

extension MailboxSession {
    /// The message is announced. Whether it is wanted is said before it comes.
    mutating func openAppend(_ tag: [UInt8], _ arguments: AppendArguments, _ announcement: LiteralAnnouncement) {
        let append = Append(
            tag: tag, arguments: arguments, size: announcement.size, isSynchronising: announcement.isSynchronising,
            remaining: announcement.size)
        if announcement.size == 0 {
            refuseAppend(append, Refusal(code: "CANNOT", "An empty message"))
        } else if announcement.size > configuration.maximumMessageSize {
            // RFC 7889 §4.
            refuseAppend(append, Refusal(code: "TOOBIG", "The message is larger than \(configuration.maximumMessageSize) bytes"))
        } else {
            ask(.openAppend(mailbox: arguments.mailbox.text, size: announcement.size), .appendOpened(append))
        }
    }

    private mutating func refuseAppend(_ append: consuming Append, _ refusal: Refusal) {
        _ = assembler.refuse()
        var completion = Completion(tag: append.tag, "")
        completion.status = Self.status(of: refusal)
        complete(completion)
    }

    mutating func proceedAppendOpened(_ append: consuming Append, _ answer: consuming Answer) {
        guard case .accepted = answer else {
            _ = assembler.refuse()
            refuse(Completion(tag: append.tag, ""), answer)
            return
        }
        assembler.acceptMessage()
        if append.isSynchronising { output.append("+ OK\r\n") }
        phase = .appending(append)
    }

    mutating func advanceAppend(_ append: consuming Append) -> Step<Question>? {
        if isShuttingDown {
            ask(.discardAppend, .discarded(.leave))
            return nil
        }
        if append.remaining > 0 {
            let piece = assembler.takeMessage(min(append.remaining, Self.maximumReceive))
            if piece.isEmpty { return waitInAppend(append) }
            append.remaining -= piece.count
            phase = .appending(append)
            return .body(piece)
        }
        guard let line = assembler.takeLine(limit: 1_024) else {
            if assembler.input.count > 1_024 {
                assembler.skipRestOfCommand()
                ask(.discardAppend, .discarded(.bad(tag: append.tag, "Command goes on behind the message")))
                return nil
            }
            return waitInAppend(append)
        }
        guard line.bytes.allSatisfy({ $0 == 0x20 }) else {
            if let announcement = LiteralAnnouncement(endOf: line.bytes[...]) { assembler.refuse(following: announcement) }
            ask(.discardAppend, .discarded(.bad(tag: append.tag, "Command goes on behind the message")))
            return nil
        }
        ask(
            .append(mailbox: append.arguments.mailbox.text, append.arguments.flags, append.arguments.date),
            .appended(Completion(tag: append.tag, "OK APPEND completed")))
        return nil
    }

    private mutating func waitInAppend(_ append: consuming Append) -> Step<Question>? {
        if output.isEmpty, isEnded || isExpired {
            ask(.discardAppend, .discarded(.leave))
            return nil
        }
        return wait(Patience(limits.literalPatience, isRenewedByBytes: true), in: .appending(append))
    }

    mutating func proceedAppended(_ completion: consuming Completion, _ answer: consuming Answer) {
        guard case .appended(let uidValidity, let uid) = answer else {
            refuse(completion, answer)
            return
        }
        // RFC 4315 §3.
        completion.status = Array("OK [APPENDUID \(uidValidity) \(uid)] APPEND completed".utf8)
        complete(completion)
    }

    mutating func proceedDiscarded(_ then: consuming AfterDiscard) {
        phase = .command
        switch consume then {
        case .bad(let tag, let text): sayBad(tag: tag, text)
        case .leave:
            if isEnded {
                sayNothingMore()
            } else {
                bye(isShuttingDown ? "Server is shutting down" : "Autologout; idle for too long")
            }
        }
    }
}
