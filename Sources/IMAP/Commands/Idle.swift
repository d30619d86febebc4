import Dialogue

/// IDLE (RFC 2177).
extension MailboxSession {
    mutating func idle(_ tag: [UInt8]) {
        output.append("+ idling\r\n")
        // What happened since the last command is told at once.
        isWoken = true
        phase = .idling(tag: tag)
    }

    mutating func advanceIdle(_ tag: [UInt8]) -> Step<Question>? {
        if isShuttingDown {
            bye("Server is shutting down")
            return nil
        }
        if let line = assembler.takeLine(limit: 1_024) {
            phase = .command
            if line.bytes.elementsEqual("DONE".utf8, by: { upperCased($0) == $1 }) {
                complete(Completion(tag: tag, "OK IDLE completed"))
            } else {
                sayBad(tag: tag, "DONE expected")
            }
            return nil
        }
        if assembler.input.count > 1_024 {
            bye("DONE expected")
            return nil
        }
        if isWoken, let view {
            isWoken = false
            ask(.changes(view.id, since: view.modSeq), .idleChanges(tag: tag))
            return nil
        }
        return wait(Patience(limits.autologout), in: .idling(tag: tag))
    }
}
