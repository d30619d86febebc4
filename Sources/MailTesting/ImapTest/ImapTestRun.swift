import Glibc

/// One script while it is played.
final class ImapTestRun {
    /// A connection and how many messages its selected mailbox has, as far as it was told.
    final class Session {
        let client: IMAPClient
        var messages = 0

        init(_ client: IMAPClient) { self.client = client }

        /// Counts by EXISTS and EXPUNGE.
        func observe(_ reply: IMAPReply) {
            switch (reply.name, reply.number) {
            case ("EXISTS", let number?): messages = number
            case ("EXPUNGE", .some): messages = max(messages - 1, 0)
            default: break
            }
        }

        /// A command outside of the script, which must succeed unless `mayFail`.
        @discardableResult
        func prepare(_ fragments: IMAPClient.Fragment..., mayFail: Bool = false) throws(ClientError) -> IMAPClient.Completion {
            let tag = client.nextTag()
            try client.send(fragments, tag: tag)
            let completion = try client.completion(of: tag)
            completion.untagged.forEach(observe)
            guard completion.isOK || mayFail else { throw client.connection.error(.refused("\(completion.tagged)")) }
            return completion
        }
    }

    let player: ImapTestPlayer
    let script: ImapTestScript
    private var messages: MboxMessages
    private var sessions: [Session] = []
    private var matcher: ReplyMatcher
    private var failures: [ImapTestFailure] = []
    private var line = 0

    init(player: ImapTestPlayer, script: ImapTestScript, messages: MboxMessages) {
        self.player = player
        self.script = script
        self.messages = messages
        matcher = ReplyMatcher(variables: ScriptVariables())
    }

    func outcome() -> ImapTestOutcome {
        guard let highest = (0..<script.connections).map({ script.accounts[$0] ?? 0 }).max(), highest < player.accounts.count else {
            return .skipped("needs \((script.accounts.values.max() ?? 0) + 1) accounts")
        }
        matcher = ReplyMatcher(variables: variables())
        do {
            let missing = try reachState()
            guard missing.isEmpty else { return .skipped("no " + missing.joined(separator: " ")) }
            for group in script.groups {
                line = group.line
                try play(group)
            }
            if !script.groups.contains(where: \.endsSession) {
                for session in sessions { try session.client.logout() }
            }
        } catch {
            failures.append(ImapTestFailure(line: line, command: "", expected: "the conversation to go on", received: "\(error)"))
        }
        return failures.isEmpty ? .passed(script.groups.count) : .failed(failures)
    }

    private func variables() -> ScriptVariables {
        var variables = ScriptVariables(["mailbox": player.mailbox, "mailbox_url": Self.percentEncoded(player.mailbox)])
        for (index, account) in player.accounts.enumerated() {
            let suffix = index == 0 ? "" : String(index + 1)
            let parts = account.name.split(separator: "@", maxSplits: 1)
            variables["user" + suffix] = Array(account.name.utf8)
            variables["username" + suffix] = Array((parts.first ?? "").utf8)
            variables["domain" + suffix] = Array((parts.count > 1 ? String(parts[1]) : player.host).utf8)
            variables["password" + suffix] = Array(account.password.utf8)
        }
        return variables
    }

    // MARK: before the script

    /// Brings all connections where the script wants them. The capabilities that are missing.
    private func reachState() throws(ClientError) -> [String] {
        for connection in 0..<script.connections {
            let session = Session(try IMAPClient(host: player.host, port: player.port, timeout: player.timeout))
            sessions.append(session)
            guard script.state > .nonauth else { continue }
            let account = player.accounts[script.accounts[connection] ?? 0]
            try session.client.login(account.name, account.password)
        }
        let first = sessions[0]
        try first.prepare("CAPABILITY")
        let missing = script.capabilities.filter { !first.client.capabilities.contains($0) }
        guard missing.isEmpty, script.state > .nonauth else { return missing }
        for other in sessions.dropFirst() where other.client.capabilities.isEmpty { try other.prepare("CAPABILITY") }
        // Connections of one account share its mailboxes: the first of each account cleans up.
        var accounts: Set<Int> = []
        for (connection, session) in sessions.enumerated() where accounts.insert(script.accounts[connection] ?? 0).inserted {
            try removeMailboxes(over: session)
            if script.state >= .created, player.mailbox.uppercased() != "INBOX" {
                try session.prepare("CREATE \(IMAPClient.quoted(player.mailbox))")
            }
        }
        if script.state >= .appended {
            for _ in 0..<(script.messages ?? messages.messages.count) {
                try first.prepare(.text(Array("APPEND ".utf8) + appendArguments()), nextMessage())
            }
        }
        if script.state >= .selected {
            for session in sessions { try session.prepare("SELECT \(IMAPClient.quoted(player.mailbox))") }
        }
        return []
    }

    /// Children first; a name that exists only as a parent may refuse.
    private func removeMailboxes(over session: Session) throws(ClientError) {
        let mask = IMAPClient.quoted(player.mailbox + "*")
        for (list, name, remove) in [("LIST", "LIST", "DELETE"), ("LSUB", "LSUB", "UNSUBSCRIBE")] {
            let replies = try session.prepare("\(list) \"\" \(mask)").replies(name)
            let mailboxes = replies.compactMap { $0.arguments.last?.text }
            for mailbox in mailboxes.sorted(by: >) {
                try session.prepare("\(remove) \(IMAPClient.quoted(mailbox))", mayFail: true)
            }
        }
    }

    // MARK: the script

    private func play(_ group: ImapTestScript.Group) throws(ClientError) {
        let session = sessions[group.connection]
        var watch = ReplyWatch(group: group, ignoresExtra: script.ignoresExtraUntagged)
        matcher.variables.startSequences(count: session.messages)
        if group.commands.isEmpty {
            watch.see(session.client.greeting, matcher: &matcher)
            failures += watch.finish(matcher.variables)
            return
        }
        var waiting: [String: ImapTestScript.Command] = [:]
        for command in group.commands {
            let tag = session.client.nextTag()
            if waiting.isEmpty { watch.tag = tag }
            let fragments: [IMAPClient.Fragment]
            do {
                fragments = try self.fragments(of: command)
            } catch {
                failures.append(
                    ImapTestFailure(
                        line: command.line, command: command.source, expected: "a value for $\(error.name)", received: "none yet"))
                continue
            }
            waiting[tag] = command
            try session.client.send(fragments, tag: tag)
        }
        do {
            try receive(session, &waiting, &watch)
        } catch {
            guard error.reason == .closed, group.awaitsBye, watch.sawBye else { throw error }
            for command in waiting.values where !command.reply.isEmpty {
                fail(command, expected: command.replySource, received: "BYE and the end")
            }
        }
        failures += watch.finish(matcher.variables)
        if group.pause > 0 { usleep(UInt32(group.pause) * 1000) }
    }

    /// Reads until each command has its tagged reply. Other connections are not read meanwhile: what they are told
    /// belongs to their own next command.
    private func receive(
        _ session: Session, _ waiting: inout [String: ImapTestScript.Command], _ watch: inout ReplyWatch
    ) throws(ClientError) {
        while !waiting.isEmpty {
            let reply = try session.client.nextReply()
            switch reply.kind {
            case .untagged:
                watch.see(reply, matcher: &matcher)
                session.observe(reply)
                if reply.name == "EXPUNGE", let number = reply.number { matcher.variables.expunge(number) }
            case .tagged(let tag):
                guard let command = waiting.removeValue(forKey: tag) else {
                    throw session.client.connection.error(.malformed("a reply for an unknown tag: \(tag) \(reply)"))
                }
                matcher.variables["tag"] = Array(tag.utf8)
                if case .mismatch = matcher.match(command.reply, reply.tokens, prefix: true) {
                    fail(command, expected: command.replySource, received: "\(reply)")
                }
                matcher.variables["tag"] = nil
            case .continuation:
                throw session.client.connection.error(.malformed("a continuation that nobody waits for"))
            }
        }
    }

    private func fail(_ command: ImapTestScript.Command, expected: String, received: String) {
        failures.append(ImapTestFailure(line: command.line, command: command.source, expected: expected, received: received))
    }

    // MARK: APPEND

    /// The command with its variables' values. An `append` without a message gets the next one of the mbox.
    private func fragments(of command: ImapTestScript.Command) throws(ScriptPiece.MissingVariable) -> [IMAPClient.Fragment] {
        var fragments: [IMAPClient.Fragment] = []
        for fragment in command.fragments {
            switch fragment {
            case .text(let bytes): fragments.append(.text(try ScriptPiece.expand(bytes, matcher.variables)))
            case .literal(let bytes): fragments.append(.literal(try ScriptPiece.expand(bytes, matcher.variables)))
            case .literal8(let bytes): fragments.append(.literal8(bytes))
            }
        }
        guard fragments.count == 1, case .text(let text) = fragments[0] else { return fragments }
        let words = String(decoding: text, as: UTF8.self).lowercased().split(separator: " ")
        let takesMessage = words.first == "append" || words.first == "replace" || words.starts(with: ["uid", "replace"])
        guard takesMessage, !words.contains("catenate") else { return fragments }
        return [.text(words.count == 1 ? text + [0x20] + appendArguments() : text + [0x20]), nextMessage()]
    }

    /// Mailbox and date of the next message, and the space behind.
    private func appendArguments() -> [UInt8] {
        var upcoming = messages
        let date = upcoming.next().map { "\"\($0.internalDate)\" " } ?? ""
        return Array("\(IMAPClient.quoted(player.mailbox)) \(date)".utf8)
    }

    private func nextMessage() -> IMAPClient.Fragment { .literal(messages.next()?.octets ?? []) }

    private static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            let character = Character(Unicode.Scalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~/".contains(character) { return String(character) }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}

extension ImapTestScript.Group {
    /// The server closes, or may close, within this group.
    var endsSession: Bool {
        awaitsBye || commands.contains { $0.fragments.count == 1 && $0.fragments[0].isWord("logout") }
    }
}

extension IMAPClient.Fragment {
    fileprivate func isWord(_ word: String) -> Bool {
        if case .text(let bytes) = self { bytes.elementsEqual(word.utf8, by: ASCIICase.equal) } else { false }
    }
}
