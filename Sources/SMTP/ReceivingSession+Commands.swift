import Dialogue
import Mail

extension ReceivingSession {
    private var phase: Phase {
        switch exchange {
        case .none: greeting == .none ? .start : .idle
        case .envelope: .envelope
        case .chunks: .chunks
        }
    }

    /// A whole line, without CRLF.
    mutating func perform(_ line: ArraySlice<UInt8>) {
        let command = CommandLine(line)
        if line.contains(0) {
            return refuse(Reply(500, "5.5.2", "NUL in a command"), "a command line with a NUL", nameToTell(command))
        }
        if command.verb.hasPrefix(word: "AUTH") { maySendSecrets = true }
        guard let row = CommandTable.row(command.verb) else {
            let reply = Reply(500, "5.5.2", "Command not recognized")
            return refuse(
                reply, "an unknown command", nameToTell(command), about: maySendSecrets ? .nothing : .argument(command.argument))
        }
        let subject: Subject = row.verb == .auth ? .nothing : .argument(command.argument)
        if row.isIdle, countIdle(row.name) { return }
        // A chunk's octets follow whether or not its command is right: BDAT judges all by itself.
        if row.verb != .bdat {
            guard row.phases.contains(phase), !(row.verb == .mail && phase == .start && configuration.requiresGreeting) else {
                return refuse(outOfSequence(row.verb), "\(row.name) out of sequence", row.name, about: subject)
            }
            if row.encryption == .plainOnly, connection.isEncrypted {
                return refuse(Reply(503, "5.5.1", "The connection is encrypted already"), "\(row.name) when encrypted", row.name)
            }
            switch row.argument {
            case .none where !command.argument.isEmpty:
                return refuse(
                    Reply(501, "5.5.4", "\(row.name) takes no argument"), "\(row.name) with an argument", row.name,
                    about: .argument(command.argument))
            case .required where command.argument.isEmpty:
                return refuse(Reply(501, "5.5.4", "\(row.name) needs an argument"), "\(row.name) without an argument", row.name)
            case .none, .optional, .required: break
            }
        }
        switch row.verb {
        case .ehlo: greet(command.argument, isExtended: true)
        case .helo: greet(command.argument, isExtended: false)
        case .mail: mail(command.argument)
        case .rcpt: recipient(command.argument)
        case .data: data()
        case .bdat: chunk(command.argument)
        case .rset:
            // RFC 5321 §4.1.1.5.
            reset()
            say(CommonReply.ok)
        case .noop: say(CommonReply.ok)
        case .quit:
            discard()
            say(CommonReply.bye)
            close()
        // RFC 5321 §7.3: a site that does not tell must say 252, to both.
        case .vrfy: say(Reply(252, "2.0.0", "Cannot VRFY user, but will take mail and try to deliver it"))
        case .expn: say(Reply(252, "2.0.0", "Cannot EXPN list, but will take mail and try to deliver it"))
        case .help:
            say(
                Reply(
                    214, "2.0.0",
                    lines: [
                        "Buzon knows EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN ETRN HELP", "RFC 5321 says how",
                    ]
                ))
        case .etrn: flush(command.argument)
        case .startTLS: startTLS()
        case .auth: authenticate(command.argument)
        case .turn, .send, .soml, .saml, .atrn:
            // RFC 5321 §4.2.4.
            refuse(Reply(502, "5.5.1", "Command not implemented"), "\(row.name) is not offered", row.name)
        case .foreign:
            let reply = Reply(500, "5.5.1", "This is a mail server; closing")
            note(reply, "another protocol's command", row.name)
            finish(reply)
        }
    }

    /// For the trace. Whoever sends on behind an AUTH that was refused sends names and passwords.
    func nameToTell(_ command: CommandLine) -> String {
        maySendSecrets && CommandTable.row(command.verb) == nil ? "" : command.name
    }

    /// A command that brought no message nearer. True when that was one too many: the session is over.
    mutating func countIdle(_ command: String) -> Bool {
        idleCommands += 1
        guard idleCommands > configuration.limits.idleCommands else { return false }
        let reply = Reply(421, "4.7.0", "Too many commands without a message, closing")
        note(reply, "\(idleCommands) commands without a message", command)
        finish(reply)
        return true
    }

    private func outOfSequence(_ verb: Verb) -> Reply {
        switch (verb, phase) {
        case (_, .chunks): Reply(503, "5.5.1", "BDAT has begun, and its last chunk has not come")
        case (.mail, .start): Reply(503, "5.5.1", "Send EHLO or HELO first")
        case (.mail, _): Reply(503, "5.5.1", "Nested MAIL command")
        case (.data, _): Reply(503, "5.5.1", "Need MAIL and RCPT first")
        case (.auth, .start): Reply(503, "5.5.1", "Send EHLO first")
        case (.etrn, _), (.auth, _): Reply(503, "5.5.1", "Not within a transaction")
        default: Reply(503, "5.5.1", "Need MAIL first")
        }
    }

    /// RFC 5321 §4.1.4: EHLO or HELO in the middle of a transaction ends it.
    private mutating func greet(_ argument: ArraySlice<UInt8>, isExtended: Bool) {
        reset()
        // RFC 5321 §4.1.1.1 wants a domain or a literal; clients send all sorts of things, and nobody refuses them.
        let name = String(decoding: argument.prefix(255).map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
        greeting = isExtended ? .ehlo(name) : .helo(name)
        say(isExtended ? configuration.ehloReplies.reply(to: connection) : configuration.heloReply)
    }

    /// Forgets the transaction.
    mutating func reset() {
        discard()
        exchange = .none
    }

    private mutating func mail(_ argument: ArraySlice<UInt8>) {
        if configuration.role == .submission, login == nil {
            return refuse(loginRequired, "MAIL without a login", "MAIL", about: .argument(argument))
        }
        guard let text = PathText(argument, keyword: "FROM:") else {
            return refuse(Reply(501, "5.5.4", "Syntax: MAIL FROM:<address>"), "MAIL with bad syntax", "MAIL", about: .argument(argument))
        }
        do throws(SyntaxRefusal) {
            let path = try text.reversePath()
            let parameters = try MailParameters(parsing: text.rest, offered: configuration.extensions(for: connection))
            // RFC 6531 §3.5.
            if !text.isASCII, !parameters.smtpUTF8 { throw .needsUTF8 }
            // RFC 1870 §6.1.
            if let size = parameters.size, size > configuration.maximumSize {
                throw SyntaxRefusal(.tooLarge, "the announced size of \(size) octets is more than \(configuration.maximumSize)")
            }
            // RFC 4865 §4. Whether a date lies too far away knows who has a clock.
            if case .forSeconds(let seconds) = parameters.hold, seconds > configuration.releaseSeconds {
                throw SyntaxRefusal(
                    Reply(501, "5.5.4", "A message is held for \(configuration.releaseSeconds) seconds at most"),
                    "HOLDFOR of \(seconds) seconds is more than \(configuration.releaseSeconds)")
            }
            transactions += 1
            if transactions > configuration.limits.transactions {
                // RFC 9422 §4.1.
                let reply = Reply(421, "4.7.0", "Too many messages in one connection, closing")
                note(reply, "more than \(configuration.limits.transactions) transactions", "MAIL", about: .argument(argument))
                return finish(reply)
            }
            ask(.sender(path, parameters), .sender(path, parameters))
        } catch {
            refuse(error.reply, error.reason, "MAIL", about: .argument(argument))
        }
    }

    private mutating func recipient(_ argument: ArraySlice<UInt8>) {
        guard case .envelope(let envelope) = exchange else { return }
        let isFull = envelope.recipients.count >= configuration.limits.recipients
        let usesUTF8 = envelope.parameters.smtpUTF8
        countAttempt()
        guard let text = PathText(argument, keyword: "TO:") else {
            return refuse(Reply(501, "5.5.4", "Syntax: RCPT TO:<address>"), "RCPT with bad syntax", "RCPT", about: .argument(argument))
        }
        do throws(SyntaxRefusal) {
            let path = try text.forwardPath()
            let parameters = try RecipientParameters(parsing: text.rest, offered: configuration.extensions)
            // RFC 6531 §3.5.
            if !text.isASCII, !usesUTF8 { throw .needsUTF8 }
            if isFull {
                // RFC 5321 §4.5.3.1.10: 452, and the others are kept. No error: the client sends the rest in another transaction.
                let reply = Reply(452, "4.5.3", "Too many recipients")
                note(reply, "more than \(configuration.limits.recipients) recipients", "RCPT", about: .argument(argument, path))
                if !countIdle("RCPT") { say(reply) }
                return
            }
            ask(.recipient(path, parameters), .recipient(path, parameters))
        } catch {
            refuse(error.reply, error.reason, "RCPT", about: .argument(argument, try? text.forwardPath()))
        }
    }

    private mutating func countAttempt() {
        guard case .envelope(var envelope) = exchange else { return }
        exchange = .none
        envelope.attempts += 1
        exchange = .envelope(envelope)
    }

    private mutating func data() {
        guard case .envelope(let envelope) = exchange else { return }
        if envelope.recipients.isEmpty { return refuse(noRecipients(envelope), "DATA without recipients", "DATA") }
        ask(.openBody, .data)
    }

    /// RFC 5321 §3.3: 503 when RCPT never came, 554 when none was good.
    func noRecipients(_ envelope: Envelope) -> Reply {
        envelope.attempts == 0 ? Reply(503, "5.5.1", "Need RCPT first") : Reply(554, "5.5.1", "No valid recipients")
    }

    /// RFC 1985 §5: a node name, with `@` for the domains below it too, or `#` and a queue's name.
    private mutating func flush(_ argument: ArraySlice<UInt8>) {
        guard configuration.extensions.contains(.etrn) else {
            return refuse(Reply(502, "5.5.1", "Command not implemented"), "ETRN is not offered", "ETRN")
        }
        guard argument.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return refuse(Reply(501, "5.5.4", "Syntax: ETRN domain"), "ETRN with bad syntax", "ETRN", about: .argument(argument))
        }
        ask(.flushQueue(String(decoding: argument, as: UTF8.self)), .flush)
    }
}

extension SyntaxRefusal {
    // RFC 6531 §3.5: X.6.7, non-ASCII addresses not permitted for that sender or recipient.
    static let needsUTF8 = SyntaxRefusal(
        Reply(553, "5.6.7", "An address outside of ASCII needs SMTPUTF8"), "a non-ASCII address without SMTPUTF8")
}
