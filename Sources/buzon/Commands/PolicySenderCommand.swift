import ArgumentParser
import Filter
import Store

struct PolicySenderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sender", abstract: text("help.policy.sender"), subcommands: [List.self, Add.self, Remove.self])

    private struct Shown: Encodable {
        var sender: String
        var opinion: SenderWord
    }

    private struct Done: Encodable {
        var sender: String
        var opinion: SenderWord?
        /// Empty for the server.
        var scope: String
    }

    private static func pattern(_ written: String) throws -> SenderPattern {
        guard let pattern = SenderPattern(written) else {
            throw CommandFailure(text("policy.sender.invalid", ["sender": shortened(written)]))
        }
        return pattern
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.policy.sender.list"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var whose: PolicyScopeOptions

        func run() async throws {
            let list = try await common.withStore {
                try await $0.policy(for: whose.scope(in: $0)).layers.last?.policy.senders ?? SenderList()
            }
            list.complainOfUselessRows()
            let rows = list.entries.sorted { $0.key < $1.key }.map { Shown(sender: $0.key, opinion: $0.value) }
            if common.json { return try Output.json(rows) }
            if rows.isEmpty { return print(text("policy.sender.none")) }
            Output.table(rows.map { [$0.sender, $0.opinion.text] })
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: text("help.policy.sender.add"),
            usage: "buzon policy sender add [--data DIR] [--json] [--domain DOMAIN | --user EMAIL] PATTERN white|black|POINTS")
        @OptionGroup var common: CommonOptions
        @OptionGroup var whose: PolicyScopeOptions
        // Points may begin with a hyphen.
        @Argument(parsing: .allUnrecognized, help: ArgumentHelp(text("help.policy.sender.words"), valueName: "PATTERN OPINION"))
        var words: [String] = []

        func validate() throws { _ = try WordPair(words, usage: Self.configuration.usage) }

        func run() async throws {
            let pair = try WordPair(words)
            let pattern = try pattern(pair.first)
            guard let word = SenderWord(pair.second) else {
                throw CommandFailure(text("policy.sender.opinion", ["opinion": shortened(pair.second)]))
            }
            let scope = try await common.withStore { store in
                let scope = try await whose.scope(in: store)
                try await telling({
                    switch $0 {
                    case .limit: text("policy.sender.full", ["limit": SenderList.limit, "scope": scope.words])
                    default: nil
                    }
                }) { try await store.set(word, of: pattern, for: scope) }
                return scope
            }
            let said =
                switch word {
                case .white: "policy.sender.white"
                case .black: "policy.sender.black"
                case .points: "policy.sender.points"
                }
            try common.answer(
                Done(sender: pattern.text, opinion: word, scope: scope.stored),
                text(said, ["sender": pattern.text, "points": word.text, "count": word.text, "scope": scope.words]))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.policy.sender.remove"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var whose: PolicyScopeOptions
        @Argument(help: ArgumentHelp(text("help.policy.sender.pattern"), valueName: "PATTERN")) var sender: String

        func run() async throws {
            let pattern = try pattern(sender)
            let scope = try await common.withStore { store in
                let scope = try await whose.scope(in: store)
                guard try await store.remove(pattern, for: scope) else {
                    throw CommandFailure(text("policy.sender.unknown", ["sender": pattern.text, "scope": scope.words]))
                }
                return scope
            }
            try common.answer(
                Done(sender: pattern.text, scope: scope.stored),
                text("policy.sender.removed", ["sender": pattern.text, "scope": scope.words]))
        }
    }
}
