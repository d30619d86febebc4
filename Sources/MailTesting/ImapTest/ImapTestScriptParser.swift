/// Reads the lines of a script; a value of its own because pipelining lets a reply stand far behind its command.
struct ImapTestScriptParser {
    private typealias SyntaxError = ImapTestScript.SyntaxError

    /// A line with its literals: what stands between `{{{` and `}}}`.
    private struct Line {
        var number: Int
        var fragments: [IMAPClient.Fragment] = []

        /// The text up to the first literal.
        var head: [UInt8] {
            if case .text(let bytes) = fragments.first { bytes } else { [] }
        }
        /// As it would stand on the wire.
        var wire: [UInt8] {
            fragments.reduce(into: []) { wire, fragment in
                switch fragment {
                case .text(let bytes): wire += bytes
                case .literal(let bytes): wire += Array("{\(bytes.count)}\r\n".utf8) + bytes
                case .literal8(let bytes): wire += Array("~{\(bytes.count)}\r\n".utf8) + bytes
                }
            }
        }
        var source: String { ConversationLog.printable(wire) }

        /// Takes the first word off when `accepts` says so.
        mutating func takeWord<Value>(_ accepts: (String) -> Value?) -> Value? {
            let head = head
            let word = head.prefix { $0 != 0x20 }
            guard let value = accepts(String(decoding: word, as: UTF8.self)) else { return nil }
            let rest = Array(head.dropFirst(word.count + 1))
            fragments[0] = .text(rest)
            return value
        }
    }

    private struct Condition {
        let line: Int
        let outerSkips: Bool
        var sawElse = false
    }

    private let environment: [String: String]
    private var script = ImapTestScript()
    private var conditions: [Condition] = []
    private var skips = false
    /// Commands of the last group whose tagged reply is still to come in the script.
    private var pending: Set<Int> = []

    init(environment: [String: String]) { self.environment = environment }

    mutating func parse(_ text: [UInt8]) throws(ImapTestScript.SyntaxError) -> ImapTestScript {
        var inHeader = true
        var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty ?? false { lines.removeLast() }
        var index = 0
        while index < lines.count {
            let bytes = lines[index]
            index += 1
            if bytes.isEmpty {
                inHeader = false
            } else if bytes.first == 0x23 {
                continue
            } else if inHeader {
                try header(String(decoding: bytes, as: UTF8.self), number: index)
            } else {
                try command(try Self.joined(lines, from: &index))
            }
        }
        if let condition = conditions.first { throw SyntaxError(line: condition.line, what: "!ifenv without !endif") }
        try expectNothingPending(line: index)
        guard !script.groups.isEmpty else { throw SyntaxError(line: index, what: "no commands") }
        return script
    }

    /// A line, and the literals that follow it; `index` is behind the first line and ends behind the last.
    private static func joined(_ lines: [ArraySlice<UInt8>], from index: inout Int) throws(ImapTestScript.SyntaxError) -> Line {
        var line = Line(number: index)
        var text = lines[index - 1]
        while text.suffix(3).elementsEqual([0x7B, 0x7B, 0x7B]) {
            text = text.dropLast(3)
            let isBinary = text.last == 0x7E
            line.fragments.append(.text(Array(isBinary ? text.dropLast() : text)))
            var content: [UInt8] = []
            let first = index
            while true {
                guard index < lines.count else { throw SyntaxError(line: line.number, what: "{{{ without }}}") }
                text = lines[index]
                index += 1
                if text.starts(with: [0x7D, 0x7D, 0x7D]) { break }
                // The line end in front of }}} is not part of the literal.
                if index - 1 > first { content += isBinary ? [0x0A] : [0x0D, 0x0A] }
                content += text
            }
            line.fragments.append(isBinary ? .literal8(content) : .literal(content))
            text = text.dropFirst(3)
        }
        line.fragments.append(.text(Array(text)))
        return line
    }

    // MARK: header

    private mutating func header(_ line: String, number: Int) throws(ImapTestScript.SyntaxError) {
        guard let colon = line.firstIndex(of: ":") else { throw SyntaxError(line: number, what: "a header without :") }
        let key = line[..<colon].lowercased().trimmingSpaces
        let value = line[line.index(after: colon)...].trimmingSpaces
        switch key {
        case "capabilities":
            script.capabilities = value.split(separator: " ").map { $0.uppercased() }
        case "connections":
            guard let count = value == "n" ? 2 : Int(value), 1...ImapTestScript.connectionLimit ~= count else {
                throw SyntaxError(line: number, what: "connections: \(value)")
            }
            script.connections = count
        case "messages":
            guard value == "all" || Int(value).map({ $0 >= 0 }) ?? false else {
                throw SyntaxError(line: number, what: "messages: \(value)")
            }
            script.messages = Int(value)
        case "state":
            guard let state = ImapTestScript.State(rawValue: value.lowercased()) else {
                throw SyntaxError(line: number, what: "state: \(value)")
            }
            script.state = state
        case "ignore_extra_untagged":
            script.ignoresExtraUntagged = value.hasPrefix("y")
        case _ where key.hasPrefix("user "):
            let account = value.filter { !"${}".contains($0) }
            guard let connection = Int(key.dropFirst(5)), 1...ImapTestScript.connectionLimit ~= connection, account.hasPrefix("user"),
                let number = account == "user" ? 1 : Int(account.dropFirst(4)), number > 0
            else { throw SyntaxError(line: number, what: "\(key): \(value)") }
            script.accounts[connection - 1] = number - 1
        default:
            throw SyntaxError(line: number, what: "no such setting: \(key)")
        }
    }

    // MARK: commands

    private mutating func command(_ line: Line) throws(ImapTestScript.SyntaxError) {
        var line = line
        if try condition(line) || skips { return }
        let isMany = script.connections > 1
        if let last = script.groups.indices.last {
            if try pause(line, of: last) { return }
            if try expectation(line, of: last) { return }
            if !pending.isEmpty {
                var reply = line
                let connection = isMany ? reply.takeWord(Self.connectionIndex) : 0
                if try finish(reply, connection: connection, group: last) { return }
            }
        }
        let connection = isMany ? line.takeWord(Self.connectionIndex) : 0
        guard let connection else { throw SyntaxError(line: line.number, what: "no connection number") }
        script.connections = max(script.connections, connection + 1)
        let tag = line.takeWord(Self.tagNumber)
        let status = line.takeWord(Self.status)
        if pending.isEmpty { script.groups.append(ImapTestScript.Group(connection: connection)) }
        let group = script.groups.count - 1
        if script.groups[group].commands.isEmpty, try expectation(line, of: group) { return }
        guard script.groups[group].connection == connection else {
            throw SyntaxError(line: line.number, what: "a pipeline over two connections")
        }
        if tag == nil { try expectNothingPending(line: line.number) }
        guard !script.groups[group].commands.contains(where: { $0.tag == tag && tag != nil }) else {
            throw SyntaxError(line: line.number, what: "tag\(tag ?? 0) twice in one pipeline")
        }
        if status == nil { pending.insert(tag ?? 0) }
        script.groups[group].commands.append(
            ImapTestScript.Command(
                line: line.number, tag: tag, fragments: line.fragments,
                reply: status.map { $0.isEmpty ? [] : [.text(Array($0.utf8))] } ?? [],
                replySource: status ?? "", source: line.source))
    }

    /// A tagged reply that the script names behind its command.
    private mutating func finish(_ line: Line, connection: Int?, group: Int) throws(ImapTestScript.SyntaxError) -> Bool {
        var line = line
        let tag = line.takeWord(Self.tagNumber) ?? 0
        let source = line.source
        var rest = line
        guard let status = rest.takeWord(Self.status) else { return false }
        guard let connection, connection == script.groups[group].connection else {
            throw SyntaxError(line: line.number, what: "a reply for another connection")
        }
        guard pending.remove(tag) != nil, let command = script.groups[group].commands.firstIndex(where: { ($0.tag ?? 0) == tag }) else {
            throw SyntaxError(line: line.number, what: "a reply for no command")
        }
        let tokens = try Self.tokens(of: line, wire: line.wire)
        script.groups[group].commands[command].reply = status.isEmpty ? [] : try Self.patterns(of: tokens, line: line.number)
        script.groups[group].commands[command].replySource = source
        return true
    }

    private mutating func expectation(_ line: Line, of group: Int) throws(ImapTestScript.SyntaxError) -> Bool {
        let wire = line.wire
        guard wire.count > 2, wire[1] == 0x20, let existence = ImapTestScript.Existence(rawValue: Character(Unicode.Scalar(wire[0]))) else {
            return false
        }
        let body = Array(wire.dropFirst(2))
        let tokens = try Self.tokens(of: line, wire: body)
        if tokens.first?.isAtom("BYE") ?? false, existence != .mustNot { script.groups[group].awaitsBye = true }
        script.groups[group].expectations.append(
            ImapTestScript.Expectation(
                line: line.number, existence: existence, arguments: try Self.patterns(of: tokens, line: line.number),
                isPrefix: IMAPTokenizer.isStatus(body), source: ConversationLog.printable(body)))
        return true
    }

    /// `!sleep 500 ms` or `!sleep 2s`, and `!output`, which a test run has no use for.
    private mutating func pause(_ line: Line, of group: Int) throws(ImapTestScript.SyntaxError) -> Bool {
        let text = String(decoding: line.head, as: UTF8.self)
        if text.hasPrefix("!output ") { return true }
        guard text.hasPrefix("!sleep ") else { return false }
        let value = text.dropFirst(7).trimmingSpaces
        let digits = value.prefix { $0.isNumber }
        let unit = value.dropFirst(digits.count).trimmingSpaces.lowercased()
        let factors = ["ms": 1, "msec": 1, "msecs": 1, "s": 1000, "sec": 1000, "secs": 1000]
        guard let amount = Int(digits), let factor = factors[unit], amount <= 60_000 else {
            throw SyntaxError(line: line.number, what: text)
        }
        script.groups[group].pause = amount * factor
        return true
    }

    private mutating func condition(_ line: Line) throws(ImapTestScript.SyntaxError) -> Bool {
        let words = String(decoding: line.head, as: UTF8.self).split(separator: " ")
        switch (words.first, words.count) {
        case ("!ifenv", 2), ("!ifnenv", 2):
            conditions.append(Condition(line: line.number, outerSkips: skips))
            if (environment[String(words[1])] != nil) == (words[0] == "!ifnenv") { skips = true }
        case ("!else", 1):
            guard let last = conditions.indices.last, !conditions[last].sawElse else {
                throw SyntaxError(line: line.number, what: "!else out of place")
            }
            conditions[last].sawElse = true
            if !conditions[last].outerSkips { skips.toggle() }
        case ("!endif", 1):
            guard let condition = conditions.popLast() else { throw SyntaxError(line: line.number, what: "!endif without !ifenv") }
            skips = condition.outerSkips
        default: return false
        }
        return true
    }

    private func expectNothingPending(line: Int) throws(ImapTestScript.SyntaxError) {
        guard !pending.isEmpty, let command = script.groups.last?.commands.first(where: { pending.contains($0.tag ?? 0) }) else { return }
        throw SyntaxError(line: line, what: "no tagged reply for the command of line \(command.line)")
    }

    // MARK: words

    private static func connectionIndex(_ word: String) -> Int? {
        Int(word).flatMap { 1...ImapTestScript.connectionLimit ~= $0 ? $0 - 1 : nil }
    }

    private static func tagNumber(_ word: String) -> Int? {
        word.lowercased().hasPrefix("tag") ? Int(word.dropFirst(3)).flatMap { $0 > 0 ? $0 : nil } : nil
    }

    /// The status, lowercased; empty for `""`, which accepts any.
    private static func status(_ word: String) -> String? {
        let folded = word.lowercased()
        return folded == "\"\"" ? "" : ["ok", "no", "bad"].contains(folded) ? folded : nil
    }

    private static func tokens(of line: Line, wire: [UInt8]) throws(ImapTestScript.SyntaxError) -> [IMAPToken] {
        do { return try IMAPTokenizer.tokens(of: wire) } catch { throw SyntaxError(line: line.number, what: error.what) }
    }

    private static func patterns(of tokens: [IMAPToken], line: Int) throws(ImapTestScript.SyntaxError) -> [ReplyPattern] {
        do { return try ReplyPattern.patterns(of: tokens) } catch { throw SyntaxError(line: line, what: error.what) }
    }
}

extension StringProtocol {
    fileprivate var trimmingSpaces: String {
        var rest = self[...]
        while rest.first == " " { rest = rest.dropFirst() }
        while rest.last == " " { rest = rest.dropLast() }
        return String(rest)
    }
}
