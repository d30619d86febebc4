/// Holds the untagged replies of one group against what the script says of them, in any order.
struct ReplyWatch {
    /// `$tag` while matching: that of the group's first command.
    var tag: String?
    private(set) var sawBye = false
    private let group: ImapTestScript.Group
    private let ignoresExtra: Bool
    private var found: Set<Int> = []
    private var closest: [Int: (fitting: Int, reply: String)] = [:]
    private var failures: [ImapTestFailure] = []

    init(group: ImapTestScript.Group, ignoresExtra: Bool) {
        self.group = group
        self.ignoresExtra = ignoresExtra
    }

    /// One reply may be what several lines of the script ask for.
    mutating func see(_ reply: IMAPReply, matcher: inout ReplyMatcher) {
        if reply.name == "BYE" { sawBye = true }
        matcher.variables["tag"] = tag.map { Array($0.utf8) }
        defer { matcher.variables["tag"] = nil }
        var isAwaited = false
        for (index, expectation) in group.expectations.enumerated() where !found.contains(index) {
            let before = matcher.variables
            switch matcher.match(expectation.arguments, reply.tokens, prefix: expectation.isPrefix) {
            case .match where expectation.existence == .mustNot:
                matcher.variables = before
                failures.append(failure(expectation.line, expected: "not: " + expectation.source, received: "\(reply)"))
                found.insert(index)
                isAwaited = true
            case .match:
                found.insert(index)
                isAwaited = true
            case .mismatch(let fitting):
                if fitting > closest[index]?.fitting ?? 0 { closest[index] = (fitting, "\(reply)") }
            }
        }
        if !isAwaited, !ignoresExtra {
            failures.append(failure(group.line, expected: "nothing that is not listed", received: "\(reply)"))
        }
    }

    /// All that went wrong, once the group's tagged replies are there.
    func finish(_ variables: ScriptVariables) -> [ImapTestFailure] {
        var all = failures
        for (index, expectation) in group.expectations.enumerated() where expectation.existence == .must && !found.contains(index) {
            let expected = "* " + expectation.source + known(variables, in: expectation.source)
            all.append(failure(expectation.line, expected: expected, received: closest[index]?.reply ?? "nothing like it"))
        }
        return all
    }

    private func failure(_ line: Int, expected: String, received: String) -> ImapTestFailure {
        ImapTestFailure(line: line, command: group.commands.map(\.source).joined(separator: " | "), expected: expected, received: received)
    }

    /// The values that the expectation's variables have by now.
    private func known(_ variables: ScriptVariables, in source: String) -> String {
        let values = ScriptPiece.pieces(of: Array(source.utf8)).compactMap { piece in
            if case .variable(let name) = piece, let value = variables.value(of: name) {
                "$\(name)=\(ConversationLog.printable(value))"
            } else {
                nil
            }
        }
        return values.isEmpty ? "" : " with " + values.joined(separator: " ")
    }
}
