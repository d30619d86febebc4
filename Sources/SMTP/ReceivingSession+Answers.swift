extension ReceivingSession {
    package mutating func resume(_ answer: Answer) {
        let question = awaited
        awaited = .nothing
        switch question {
        case .nothing, .note, .discard: break
        case .sender(let path, let parameters):
            guard case .accepted = answer else { return refuseAddress(refusal(answer), "MAIL") }
            exchange = .envelope(Envelope(reversePath: path, parameters: parameters))
            say(CommonReply.senderOk)
        case .recipient(let path, let parameters): resumeRecipient(path, parameters, answer)
        case .data:
            guard case .accepted = answer else {
                sayOutside(refusal(answer))
                return exchange = .none
            }
            hasSpool = true
            state = .data(DataReader(maximumSize: configuration.maximumSize))
            say(CommonReply.startMail)
        case .chunk(let size, let isLast):
            guard case .accepted = answer, case .envelope(let envelope) = exchange else { return skip(size, .outside(refusal(answer))) }
            hasSpool = true
            exchange = .chunks(envelope, ChunkReader())
            state = .chunk(remaining: size, isLast: isLast)
        case .delivery:
            hasSpool = false
            if case .delivered(let queueID) = answer {
                errors = 0
                refusals = 0
                idleCommands = 0
                say(Reply(250, "2.0.0", "Ok: queued as \(queueID)"))
            } else {
                sayOutside(refusal(answer))
            }
            exchange = .none
        case .flush: sayOutside(refusal(answer))
        case .authentication: resumeAuthentication(answer)
        }
    }

    private mutating func resumeRecipient(_ path: ForwardPath, _ parameters: RecipientParameters, _ answer: Answer) {
        guard case .accepted = answer else { return refuseAddress(refusal(answer), "RCPT") }
        guard case .envelope(var envelope) = exchange else { return }
        // The array must not be shared while it grows.
        exchange = .none
        envelope.recipients.append(Transaction.Recipient(path: path, parameters: parameters))
        exchange = .envelope(envelope)
        say(CommonReply.recipientOk)
    }

    /// The outside said no to a sender or a recipient.
    private mutating func refuseAddress(_ reply: Reply, _ command: String) {
        sayOutside(reply)
        guard reply.isPermanent else { return }
        refusals += 1
        if refusals >= configuration.limits.refusals {
            note(.tooManyErrors, "\(refusals) addresses were refused", command)
            finish(.tooManyErrors)
        }
    }

    /// An answer that does not fit its question is a failure like any other.
    private func refusal(_ answer: Answer) -> Reply {
        switch answer {
        case .refused(let reply): reply
        case .accepted, .delivered, .authentication: .unexpected
        }
    }
}
