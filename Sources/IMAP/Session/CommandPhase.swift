import Dialogue
import Mail

extension MailboxSession {
    private var commandLimit: Int { isLoggedIn ? limits.command : limits.unauthenticatedCommand }

    private var commandPatience: Patience {
        // Strangers get no more time by sending their bytes slowly.
        if !isLoggedIn { return Patience(limits.unauthenticatedPatience) }
        return assembler.isInLiteral ? Patience(limits.literalPatience, isRenewedByBytes: true) : Patience(limits.autologout)
    }

    mutating func greet() {
        // RFC 3501 §7.1: the capabilities spare the client a question.
        output.append("* OK [CAPABILITY ")
        output.append(text: capabilities)
        output.append("] ")
        output.append(text: configuration.hostname)
        output.append(" ready")
        output.crlf()
        phase = .command
    }

    mutating func advanceCommand() -> Step<Question>? {
        phase = .command
        if isShuttingDown {
            bye("Server is shutting down")
            return nil
        }
        switch assembler.next(limit: commandLimit, drainLimit: limits.drainedLiteral) {
        case .incomplete: return wait(commandPatience, in: .command)
        case .command(let text):
            effort += text.count + Self.commandEffort
            if !text.isEmpty { execute(text) }
        case .literal(let announcement): decideLiteral(announcement)
        case .tooLong(let begun): sayBad(tag: tag(of: begun), "[TOOBIG] Command too long")
        case .skipped: break
        case .flood: bye("Too much data")
        }
        return nil
    }

    /// What a command costs beyond its length: of a pipeline that is one of short ones, no more than some hundreds make one step.
    private static var commandEffort: Int { 1_024 }

    private func tag(of text: [UInt8]) -> [UInt8]? {
        var reader = CommandReader(text)
        return reader.tag().map { Array($0) }
    }

    /// RFC 3501 §7.1.3: tagged when the tag is known.
    mutating func sayBad(tag: [UInt8]?, _ text: String) {
        output.append(tag ?? [0x2A])
        output.append(" BAD ")
        output.append(text: text)
        output.crlf()
        badCommands += 1
        if badCommands >= limits.badCommands { bye("Too many wrong commands") }
    }

    private mutating func decideLiteral(_ announcement: LiteralAnnouncement) {
        // A copy of the beginning: one of the whole for each of many literals would be quadratic.
        var reader = CommandReader(Array(assembler.text.prefix(300)))
        guard let tag = reader.tag().map({ Array($0) }) else {
            refuseLiteral(nil, "Bad tag")
            return
        }
        do throws(CommandError) {
            try reader.space()
            if try reader.commandName() == "APPEND" {
                guard isLoggedIn else { throw .bad("Not logged in") }
                // Its first literal is the mailbox or the message; the second can only be the message.
                let index = reader.index
                reader = CommandReader(assembler.text)
                reader.index = index
                if let arguments = try reader.append() {
                    openAppend(tag, arguments, announcement)
                    return
                }
            }
        } catch {
            switch error {
            case .bad(let text): refuseLiteral(tag, text)
            case .no(let refusal):
                output.append(tag)
                output.append(0x20)
                output.append(Self.status(of: refusal))
                output.crlf()
                _ = assembler.refuse()
            }
            return
        }
        guard announcement.size <= limits.literal, announcement.size <= commandLimit - assembler.text.count else {
            // RFC 7888 §4: refused before it is sent; one that is not waited for is read and forgotten.
            refuseLiteral(tag, "[TOOBIG] Literal too large")
            return
        }
        if announcement.isSynchronising { output.append("+ OK\r\n") }
        assembler.accept()
    }

    private mutating func refuseLiteral(_ tag: [UInt8]?, _ text: String) {
        _ = assembler.refuse()
        sayBad(tag: tag, text)
    }

    private mutating func execute(_ text: [UInt8]) {
        var reader = CommandReader(text)
        guard let tagSlice = reader.tag() else {
            sayBad(tag: nil, "Invalid tag")
            return
        }
        let tag = Array(tagSlice)
        do throws(CommandError) {
            try reader.space()
            let name = try reader.commandName()
            if name == "APPEND" { throw .bad("Message literal expected") }
            guard let rule = CommandRule.named(name) else { throw .bad("Unknown command") }
            guard rule.states.contains(access) else { throw .bad(wrongState(rule)) }
            let command = try rule.parse(&reader, limits)
            if isLoggedIn { badCommands = 0 }
            try begin(command, Completion(tag: tag, "OK \(name) completed", mayTellExpunges: rule.mayTellExpunges))
        } catch {
            switch error {
            case .bad(let text): sayBad(tag: tag, text)
            case .no(let refusal):
                var completion = Completion(tag: tag, "", mayTellExpunges: false)
                completion.status = Self.status(of: refusal)
                sayTagged(completion)
            }
        }
    }

    var access: AccessStates {
        if !isLoggedIn { return .notAuthenticated }
        return view == nil ? .authenticated : .selected
    }

    private func wrongState(_ rule: CommandRule) -> String {
        if !isLoggedIn { return "Log in first" }
        return rule.states == .selected ? "No mailbox is selected" : "Already logged in"
    }

    /// The second moment of a command: it may come now, and asks.
    private mutating func begin(_ command: consuming Command, _ completion: consuming Completion) throws(CommandError) {
        switch consume command {
        case .capability:
            say(untagged: "CAPABILITY \(capabilities)")
            complete(completion)
        case .noop, .check: complete(completion)
        case .logout: logout(completion)
        case .id: sayID(completion)
        case .startTLS: try startTLS(completion.tag)
        case .login(let user, let password): try login(completion.tag, user: user, password: password)
        case .authenticate(let mechanism, let initial): try authenticate(completion.tag, mechanism: mechanism, initial: initial)
        case .enable(let names): enable(names, completion)
        case .select(let name, let readOnly): select(completion.tag, name, readOnly: readOnly)
        case .create(let name): ask(.create(name.text), .simple(completion))
        case .delete(let name): try delete(name, completion)
        case .rename(let from, let to): ask(.rename(from: from.text, to: to.text), .simple(completion))
        case .subscribe(let name, let subscribed): ask(.setSubscribed(name.text, subscribed), .simple(completion))
        case .list(let arguments): try list(arguments, completion)
        case .status(let name, let items): ask(.status(name.text), .status(name, items, completion))
        case .namespace: sayNamespace(completion)
        case .idle: idle(completion.tag)
        case .close: close(completion)
        case .unselect: deselect(then: .complete(completion))
        case .expunge(let set): try expunge(set, completion)
        case .search(let arguments): try search(arguments, completion)
        case .fetch(let arguments): try fetch(arguments, completion)
        case .store(let arguments): try store(arguments, completion)
        case .copy(let set, let isUID, let name, let isMove): try copyMessages(set, isUID: isUID, to: name, isMove: isMove, completion)
        }
    }
}
