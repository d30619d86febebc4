import Dialogue

// DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030 §2).
extension ReceivingSession {
    /// At most this many octets of the buffer go through a reader at once.
    private var pieceSize: Int { Self.maximumReceive }

    mutating func readData(_ old: DataReader) -> Step<Question>? {
        var reader = old
        if buffer.isEmpty {
            switch reader.supposedEnd {
            case .none: return wait(configuration.limits.blockTimeout, isRenewedByBytes: true)
            case .half: return wait(configuration.limits.halfEndTimeout, isRenewedByBytes: true)
            case .wrong:
                refuseWrongEnd()
                return nil
            }
        }
        let (used, content) = buffer.bytes.prefix(pieceSize).withUnsafeBufferPointer { reader.read($0) }
        buffer.consume(used)
        if reader.defect != nil { discard() }
        if reader.isAtEnd {
            state = .command
            if let defect = reader.defect { refuseContent(defect, "DATA") } else { deliver(size: reader.size) }
        } else if reader.received / configuration.limits.drainFactor > configuration.maximumSize {
            note(.tooLarge, "a message without an end", "DATA", about: .content)
            finish(.tooLarge)
        } else {
            state = .data(reader)
        }
        return content.isEmpty ? nil : .body(content)
    }

    /// The peer thinks that its message is over, and it is not. Someone may have tried to hide a second message from one of
    /// us, and the two sides will not agree any more about what is a command.
    mutating func refuseWrongEnd() {
        discard()
        note(.wrongEnd, "the message ends with something else than CRLF.CRLF", "DATA", about: .content)
        finish(.wrongEnd)
    }

    private mutating func refuseContent(_ defect: Defect, _ command: String) {
        discard()
        let (reply, reason): (Reply, String) =
            switch defect {
            case .bareCR: (.bareInMessage, "bare CR in the message")
            case .bareLF: (.bareInMessage, "bare LF in the message")
            // RFC 1870 §6.2.
            case .tooLarge: (.tooLarge, "the message is larger than \(configuration.maximumSize) octets")
            }
        if defect == .tooLarge {
            refuse(reply, reason, command, about: .content)
            exchange = .none
        } else {
            refuseDirty(reason, command)
        }
    }

    /// A CR or LF stood alone: where the message ends, and what is a command behind it, is what the two sides may not agree about.
    /// Nothing that was sent behind it is executed.
    private mutating func refuseDirty(_ reason: String, _ command: String) {
        errors += 1
        note(.bareInMessage, reason, command, about: .content)
        finish(.bareInMessage)
    }

    private mutating func deliver(size: Int) {
        guard let envelope = exchange.envelope else { return }
        let type = greeting.transmissionType(
            smtpUTF8: envelope.parameters.smtpUTF8, isEncrypted: connection.isEncrypted, isAuthenticated: login != nil)
        ask(
            .deliver(
                Transaction(
                    greeting: greeting.name, transmissionType: type, reversePath: envelope.reversePath, mail: envelope.parameters,
                    recipients: envelope.recipients, size: size, login: login)),
            .delivery)
    }

    mutating func chunk(_ argument: ArraySlice<UInt8>) {
        guard configuration.extensions.contains(.chunking) else {
            // What follows may be a chunk's octets, or commands: nobody can tell.
            let reply = Reply(502, "5.5.1", "Command not implemented; closing")
            note(reply, "BDAT is not offered", "BDAT")
            return finish(reply)
        }
        let words = argument.split(whereSeparator: { $0.isWhiteSpace })
        guard let size = words.first?.decimal, words.count == 1 || (words.count == 2 && words[1].isWord("LAST")) else {
            // The octets that follow cannot be counted, so they must not be read as commands.
            let reply = Reply(501, "5.5.4", "Syntax: BDAT size [LAST]; closing")
            note(reply, "BDAT with bad syntax", "BDAT")
            return finish(reply)
        }
        if size / configuration.limits.drainFactor > configuration.maximumSize {
            note(.tooLarge, "a chunk of \(size) octets", "BDAT", about: .content)
            return finish(.tooLarge)
        }
        let isLast = words.count == 2
        // RFC 3030 §2: "BDAT 0 LAST" ends a message; without LAST it is nothing.
        if size == 0, !isLast, countIdle("BDAT") { return }
        switch exchange {
        case .none: skip(size, .own(Reply(503, "5.5.1", "Need MAIL and RCPT first"), reason: "BDAT out of sequence"))
        case .envelope(let envelope):
            if envelope.recipients.isEmpty {
                skip(size, .own(noRecipients(envelope), reason: "BDAT without recipients"))
            } else if size > configuration.maximumSize {
                skip(size, .own(.tooLarge, reason: "a chunk of \(size) octets"))
            } else {
                ask(.openBody, .chunk(size: size, isLast: isLast))
            }
        case .chunks(_, let reader):
            if size > configuration.maximumSize - reader.size {
                discard()
                skip(size, .own(.tooLarge, reason: "chunks of more than \(configuration.maximumSize) octets"))
            } else {
                state = .chunk(remaining: size, isLast: isLast)
            }
        }
    }

    /// RFC 3030 §2: the octets of a chunk are taken before its reply is sent, also when it is refused.
    mutating func skip(_ size: Int, _ refused: Refused) { state = .skippingChunk(remaining: size, refused) }

    mutating func skipChunk(_ remaining: Int, _ refused: Refused) -> Step<Question>? {
        let length = min(remaining, buffer.count)
        buffer.consume(length)
        if length < remaining {
            state = .skippingChunk(remaining: remaining - length, refused)
            return wait(configuration.limits.blockTimeout, isRenewedByBytes: true)
        }
        state = .command
        switch refused {
        case .dirty(let reason):
            refuseDirty(reason, "BDAT")
            return nil
        case .own(let reply, let reason): refuse(reply, reason, "BDAT", about: .content)
        case .outside(let reply): sayOutside(reply)
        }
        // RFC 3030 §2: after a BDAT that failed nothing of the transaction can be used.
        exchange = .none
        return nil
    }

    mutating func readChunk(_ remaining: Int, isLast: Bool) -> Step<Question>? {
        guard case .chunks(let envelope, var reader) = exchange else {
            state = .command
            return nil
        }
        let length = min(remaining, buffer.count, pieceSize)
        if length < remaining, length == 0 { return wait(configuration.limits.blockTimeout, isRenewedByBytes: true) }
        let content = [UInt8](buffer.bytes.prefix(length))
        buffer.consume(length)
        content.withUnsafeBufferPointer { reader.read($0) }
        let isOver = length == remaining
        if isOver, isLast { reader.finish() }
        state = isOver ? .command : .chunk(remaining: remaining - length, isLast: isLast)
        if let defect = reader.defect {
            discard()
            if isOver {
                refuseContent(defect, "BDAT")
            } else {
                let reason = defect == .bareCR ? "bare CR in the message" : "bare LF in the message"
                skip(remaining - length, .dirty(reason: reason))
            }
            return nil
        }
        exchange = .chunks(envelope, reader)
        if isOver {
            if isLast { deliver(size: reader.size) } else { say(Reply(250, "2.0.0", "\(reader.size) octets received")) }
        }
        return content.isEmpty ? nil : .body(content)
    }

    /// Passes on a reply of the outside. RFC 5321 §3.8: behind 421 comes nothing.
    mutating func sayOutside(_ reply: Reply) {
        if reply.code == 421 { finish(reply) } else { say(reply) }
    }
}
