import ArgumentParser
import Filter
import Store

struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: text("help.policy"),
        subcommands: [Show.self, PolicyListCommand.self, Set.self, Reset.self, PolicySenderCommand.self])

    private struct Shown: Encodable {
        var key: String
        var value: PolicyValue
        /// `default`, `server`, `domain`, `user`.
        var origin: String
        var description: String

        init(_ key: PolicyKey, _ layers: PolicyLayers) {
            let (value, origin) = layers.value(of: key)
            self.key = key.rawValue
            self.value = PolicyValue(key: key, stored: value)
            self.origin = origin.rawValue
            description = text("policy.key.\(key.rawValue)")
        }

        var originInWords: String { text("policy.origin.\(origin)") }
        var valueInWords: String { value.stored.isEmpty ? text("policy.empty") : value.stored }
    }

    private struct Done: Encodable {
        var key: String
        var value: PolicyValue
        /// Empty for the server.
        var scope: String
    }

    private static func named(_ key: String) throws -> PolicyKey {
        guard let found = PolicyKey(named: key) else {
            let hint =
                AmavisOption.hint(key)
                ?? Nearest.name(to: key, among: PolicyKey.allCases.map(\.rawValue)).map { text("nearest", ["name": $0]) }
            throw CommandFailure(text("policy.unknown", ["key": shortened(key)]) + (hint.map { " " + $0 } ?? ""))
        }
        return found
    }

    /// Why the value is none; of a list, which of its rules it is.
    private static func refused(_ value: String, _ key: PolicyKey) -> String {
        let words = text("policy.invalid.\(key.kind)", ["key": key.rawValue, "value": shortened(value)])
        guard key == .bannedNames else { return words }
        do {
            _ = try BannedNames(parsing: value)
            return words
        } catch {
            return words + " " + text("policy.fault.\(error.reason.rawValue)", ["rule": shortened(error.rule)])
        }
    }

    private static func complain(_ oddities: [Policy.Oddity]) {
        for oddity in oddities { Output.complain(text("policy.oddity.\(oddity.rawValue)") + "\n") }
    }

    /// Runs `change`, and tells what hardly anybody means that was not so before.
    private static func changing(_ scope: PolicyScope, in store: MailStore, _ change: () async throws -> Void) async throws -> PolicyLayers
    {
        let before = try await store.policy(for: scope).effective.oddities
        try await change()
        let layers = try await store.policy(for: scope)
        complain(layers.effective.oddities.filter { !before.contains($0) })
        return layers
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.policy.show"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var whose: PolicyScopeOptions
        @Argument(help: ArgumentHelp(text("help.policy.key"), valueName: "KEY")) var key: String?

        func run() async throws {
            let key = try key.map(named)
            let layers = try await common.withStore { try await $0.policy(for: whose.scope(in: $0)) }
            layers.complainOfUselessRows(about: key)
            if let key {
                let shown = Shown(key, layers)
                return try common.answer(
                    shown,
                    text("policy.shown", ["key": shown.key, "value": shown.valueInWords, "origin": shown.originInWords]) + "\n"
                        + shown.description)
            }
            complain(layers.effective.oddities)
            let all = PolicyKey.allCases.map { Shown($0, layers) }
            if common.json { return try Output.json(all) }
            Output.table(all.map { [$0.key, shortened($0.valueInWords), $0.originInWords] })
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: text("help.policy.set"), usage: "buzon policy set [--data DIR] [--json] [--domain DOMAIN | --user EMAIL] KEY VALUE")
        @OptionGroup var common: CommonOptions
        @OptionGroup var whose: PolicyScopeOptions
        // A value may begin with a hyphen: -1000.
        @Argument(parsing: .allUnrecognized, help: ArgumentHelp(text("help.policy.set.words"), valueName: "KEY VALUE")) var words:
            [String] = []

        func validate() throws { _ = try WordPair(words, usage: Self.configuration.usage) }

        func run() async throws {
            let pair = try WordPair(words)
            let (key, value) = (try named(pair.first), pair.second)
            let (scope, stored) = try await common.withStore { store in
                let scope = try await whose.scope(in: store)
                let layers = try await changing(scope, in: store) {
                    try await telling({
                        switch $0 {
                        case .invalid: refused(value, key)
                        default: nil
                        }
                    }) { try await store.set(key, to: value, for: scope) }
                }
                return (scope, layers.value(of: key).value)
            }
            try common.answer(
                Done(key: key.rawValue, value: PolicyValue(key: key, stored: stored), scope: scope.stored),
                text(
                    "policy.done",
                    ["key": key.rawValue, "value": stored.isEmpty ? text("policy.empty") : shortened(stored), "scope": scope.words]))
        }
    }

    struct Reset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.policy.reset"))
        @OptionGroup var common: CommonOptions
        @OptionGroup var whose: PolicyScopeOptions
        @Argument(help: ArgumentHelp(text("help.policy.key"), valueName: "KEY")) var key: String

        func run() async throws {
            let key = try named(key)
            let (scope, shown) = try await common.withStore { store in
                let scope = try await whose.scope(in: store)
                let layers = try await changing(scope, in: store) {
                    guard try await store.reset(key, for: scope) else {
                        throw CommandFailure(text("policy.unset", ["key": key.rawValue, "scope": scope.words]))
                    }
                }
                return (scope, Shown(key, layers))
            }
            try common.answer(
                shown,
                text(
                    "policy.reset",
                    [
                        "key": shown.key, "value": shortened(shown.valueInWords), "scope": scope.words, "origin": shown.originInWords,
                    ]))
        }
    }
}
