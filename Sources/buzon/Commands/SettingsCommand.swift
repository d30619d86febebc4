import ArgumentParser
import DNS
import Filter
import Flow
import Mail
import Scanner
import Store

struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: text("help.settings"), subcommands: [List.self, Get.self, Set.self])

    private struct Shown: Encodable {
        var key: String
        var value: String
        var isSet: Bool
        var description: String
    }

    private static func named(_ key: String) throws -> Setting {
        if let setting = Setting.named(key) { return setting }
        let hint =
            PolicyKey(named: key).map { text("settings.policy", ["key": $0.rawValue]) }
            ?? Nearest.name(to: key, among: Setting.all.map(\.key)).map { text("nearest", ["name": $0]) }
        throw CommandFailure(text("settings.unknown", ["key": shortened(key)]) + (hint.map { " " + $0 } ?? ""))
    }

    /// Whether mail for the address would arrive anywhere.
    private static func leadsSomewhere(_ value: String, _ store: MailStore) async throws -> Bool {
        guard let address = try? Address(parsing: value, allowUTF8: true) else { return true }
        let recipients = Recipients(hostname: Appliance.hostname(store), tagSeparator: store.value(.separator), administrator: nil)
        return try await store.withAddressBook { book in (try? recipients.expand(address, in: book).isEmpty) == false }
    }

    /// What the resolver has against a setting of its own.
    private static func dnsDefect(_ setting: Setting, _ value: String) -> String? {
        guard [.forwarders, .trustAnchors, .localNames].contains(setting) else { return nil }
        let options = DNS.Options(
            forwarders: setting == .forwarders ? value : "", trustAnchors: setting == .trustAnchors ? value : "",
            localNames: setting == .localNames ? value : "")
        do {
            _ = try UnboundResolver(options)
            return nil
        } catch {
            return "\(error)"
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.settings.list"))
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let all = try await common.withStore { store in
                store.allSettings().map {
                    Shown(key: $0.setting.key, value: $0.value, isSet: $0.isSet, description: text("setting.\($0.setting.key)"))
                }
            }
            if common.json { return try Output.json(all) }
            Output.table(all.map { [$0.key, $0.value, $0.description] })
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.settings.get"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.settings.key"), valueName: "KEY")) var key: String

        func run() async throws {
            let setting = try named(key)
            let value = try await common.withStore { $0.value(setting) }
            try common.answer(["key": key, "value": value], value)
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: text("help.settings.set"), usage: "buzon settings set [--data DIR] [--json] KEY VALUE")
        @OptionGroup var common: CommonOptions
        // A value may begin with a hyphen.
        @Argument(parsing: .allUnrecognized, help: ArgumentHelp(text("help.settings.words"), valueName: "KEY VALUE")) var words: [String] =
            []

        func validate() throws { _ = try WordPair(words, usage: Self.configuration.usage) }

        func run() async throws {
            let pair = try WordPair(words)
            let (key, value) = (pair.first, pair.second)
            let setting = try named(key)
            try await common.withStore { store in
                if setting == .administrator, !value.isEmpty, try await !leadsSomewhere(value, store) {
                    throw CommandFailure(text("settings.administrator", ["value": value]))
                }
                if setting.kind == .directory, value.hasPrefix("/"), !SignatureDirectory(path: value).exists {
                    throw CommandFailure(text("settings.no-directory", ["key": key, "value": shortened(value)]))
                }
                if let reason = dnsDefect(setting, value) {
                    throw CommandFailure(text("settings.invalid", ["key": key, "value": value]) + " " + reason)
                }
                try await telling({
                    switch $0 {
                    case .invalid: setting.refused(value)
                    default: nil
                    }
                }) {
                    try await store.set(setting, to: value)
                }
            }
            try common.answer(["key": key, "value": value], text("settings.done", ["key": key, "value": value]))
        }
    }
}
