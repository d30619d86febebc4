extension SendingSession {
    /// Begins a message; legal when `next` has said `.ready`. `.finished` will tell what became of it.
    package mutating func begin(_ message: OutgoingMessage) {
        guard case .ready = state else {
            let failure = SendingFailure(.closed, .mail, "the conversation is over")
            verdict = .finished(message.recipients.map { _ in .broken(failure) })
            return
        }
        let transaction = SendingTransaction(message, obstacle: obstacle(to: message), resets: needsReset)
        guard transaction.isOpen else {
            verdict = .finished(transaction.outcomes)
            return
        }
        state = .transaction(transaction)
        needsReset = false
        // What came while nothing was asked is mostly the farewell to an idle connection.
        switch reader.next() {
        case .reply(let reply): fail(reply.code == 421 ? .closed : .garbage, "said without having been asked: \(reply.summary)")
        case .garbage(let what): fail(.garbage, what)
        case .incomplete: _ = unasked()
        }
    }

    /// Says QUIT; legal when `next` has said `.ready`. The caller need not wait for what follows.
    package mutating func quit() {
        guard case .ready = state else { return }
        state = .quitting
        reader.removeAll()
        say("QUIT")
    }

    /// A piece of the content, as `.content` asked for; an empty one is its end.
    package mutating func supply(_ piece: [UInt8]) {
        guard case .transaction(var transaction) = state, case .content(var stuffer) = transaction.phase else { return }
        if piece.isEmpty {
            output += stuffer.finish()
            transaction.phase = .end
        } else {
            output += stuffer.encode(piece)
            transaction.phase = .content(stuffer)
        }
        state = .transaction(transaction)
    }

    /// Why this host can't have this message at all.
    private func obstacle(to message: OutgoingMessage) -> Reply? {
        if !message.sender.isOneLine { return Reply(553, "5.1.7", "The sender is no address") }
        // RFC 1870 §6.2.
        if let maximum = peer.maximumSize, message.size > maximum {
            return Reply(552, "5.3.4", "The message has \(message.size) octets, the server takes \(maximum)")
        }
        // RFC 6531 §3.5.
        if message.isUTF8, !peer.smtpUTF8 { return Reply(553, "5.6.7", "The server does not take internationalized addresses or headers") }
        // RFC 8689 §4.2.1: encrypted, verified, and announced. §5: for want of it no report is lost.
        if message.requiresTLS, !message.sender.isEmpty, tls == nil || !isVerified || !peer.requireTLS {
            return Reply(550, "5.7.30", "REQUIRETLS support required")
        }
        return nil
    }

    // MARK: The commands

    /// One move of a transaction; nil when there is more to do.
    mutating func advance(_ transaction: SendingTransaction) -> Step? {
        switch transaction.phase {
        case .envelope:
            if transaction.answered == transaction.said {
                sayMore(transaction)
                return nil
            }
            guard let reply = readReply() else {
                let isData = transaction.commands[transaction.answered] == .data
                return pause(isData ? configuration.limits.dataInitiation : configuration.limits.command)
            }
            answerEnvelope(reply, transaction)
            return nil
        case .content:
            // A server may say no in the middle; what it is sent then is wasted.
            if let reply = readReply() {
                answerEarly(reply, transaction)
                return nil
            }
            if case .closed = state { return nil }
            if hasEnded { return pause(.zero) }
            return .content
        case .end:
            guard let reply = readReply() else { return pause(configuration.limits.dataTermination) }
            answerEnd(reply, transaction)
            return nil
        }
    }

    /// Says the next command, or all of them where the server takes them so (RFC 2920).
    private mutating func sayMore(_ old: SendingTransaction) {
        var transaction = old
        let isUTF8 = transaction.message.isUTF8
        while transaction.said < transaction.commands.count {
            let command = transaction.commands[transaction.said]
            transaction.said += 1
            switch command {
            case .reset: say("RSET")
            case .mail: say(EnvelopeCommand.mail(transaction.message, peer, needsUTF8: isUTF8))
            case .recipient(let index):
                say(EnvelopeCommand.recipient(transaction.message.recipients[index], peer, needsUTF8: isUTF8))
            case .data: say("DATA")
            }
            if !peer.pipelining { break }
        }
        state = .transaction(transaction)
    }

    private mutating func answerEnvelope(_ reply: Reply, _ old: SendingTransaction) {
        var transaction = old
        let command = transaction.commands[transaction.answered]
        // RFC 5321 §3.8: the server goes, whatever it had said before.
        if reply.code == 421 { return leave(reply, transaction) }
        let kind = reply.code / 100
        guard kind != 3 || command == .data else { return fail(.garbage, "an answer to something else: \(reply.summary)") }
        switch command {
        case .reset:
            guard kind == 2 else { return fail(.garbage, "RSET was refused: \(reply.summary)") }
        case .mail:
            if kind != 2 { transaction.decideRest(.refused(reply, .mail)) }
        case .recipient(let index):
            if kind == 2 { transaction.take(index) } else { transaction.decide(index, .refused(reply.asRecipientReply, .recipient)) }
        case .data: return answerData(reply, transaction)
        }
        transaction.answered += 1
        state = .transaction(transaction)
        if transaction.answered == transaction.said, unasked() { return }
        // Without pipelining nobody is asked in vain.
        if transaction.said < transaction.commands.count, !transaction.isOpen { finish(transaction, resets: true) }
    }

    private mutating func answerData(_ reply: Reply, _ old: SendingTransaction) {
        var transaction = old
        transaction.answered += 1
        switch reply.code / 100 {
        case 3:
            if transaction.hasTaken {
                transaction.phase = .content(DotStuffer())
            } else {
                // RFC 2920 §3.1: the server wants content that is for nobody.
                transaction.phase = .end
                say(".")
            }
            state = .transaction(transaction)
            _ = unasked()
        case 4, 5:
            transaction.decideRest(.refused(reply, .data))
            finish(transaction, resets: true)
        default: fail(.garbage, "an answer to something else: \(reply.summary)")
        }
    }

    // MARK: The end

    private mutating func answerEarly(_ reply: Reply, _ transaction: SendingTransaction) {
        guard reply.code >= 400 else { return fail(.garbage, "said in the middle of the content: \(reply.summary)") }
        leave(reply, transaction)
    }

    private mutating func answerEnd(_ reply: Reply, _ old: SendingTransaction) {
        var transaction = old
        if reply.code == 421 { return leave(reply, transaction) }
        switch reply.code / 100 {
        case 2: transaction.decideRest(.accepted(reply, relaysDSN: peer.dsn))
        case 3: return fail(.garbage, "an answer to something else: \(reply.summary)")
        default: transaction.decideRest(.refused(reply, .content))
        }
        finish(transaction, resets: false)
    }

    private mutating func finish(_ transaction: SendingTransaction, resets: Bool) {
        needsReset = resets
        state = .ready
        verdict = .finished(transaction.outcomes)
    }

    /// The server ends the conversation within a transaction.
    private mutating func leave(_ reply: Reply, _ old: SendingTransaction) {
        var transaction = old
        transaction.decideRest(.refused(reply, transaction.stage))
        reader.removeAll()
        state = .closed
        verdict = .finished(transaction.outcomes)
    }
}

extension Reply {
    /// RFC 5321 §4.5.3.1.10: 552 to RCPT stands for 452, too many recipients, unless it says what else it means.
    fileprivate var asRecipientReply: Reply {
        guard code == 552, enhanced == nil || enhanced == EnhancedStatus(5, 5, 3) else { return self }
        return Reply(452, "4.5.3", lines: lines)
    }
}
