import ArgumentParser
import Filter
import Store

/// All that was said anywhere, with where.
struct PolicyListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: text("help.policy.list"))
    @OptionGroup var common: CommonOptions

    private struct Said: Encodable {
        struct Value: Encodable {
            /// Empty for the server.
            var scope: String
            var key: String
            var value: PolicyValue
        }

        struct Sender: Encodable {
            var scope: String
            var sender: String
            var opinion: SenderWord
        }

        var values: [Value] = []
        var senders: [Sender] = []
    }

    func run() async throws {
        let layers = try await common.withStore { try await $0.allPolicies() }
        PolicyLayers(layers).complainOfUselessRows()
        var said = Said()
        var rows: [[String]] = []
        for layer in layers {
            layer.policy.senders.complainOfUselessRows()
            let scope = layer.scope
            for key in PolicyKey.allCases {
                guard let value = layer.policy.values[key] else { continue }
                said.values.append(Said.Value(scope: scope.stored, key: key.rawValue, value: PolicyValue(key: key, stored: value)))
                rows.append([scope.words, key.rawValue, value.isEmpty ? text("policy.empty") : shortened(value)])
            }
            for (sender, opinion) in layer.policy.senders.entries.sorted(by: { $0.key < $1.key }) {
                said.senders.append(Said.Sender(scope: scope.stored, sender: sender, opinion: opinion))
                rows.append([scope.words, text("policy.list.sender", ["sender": sender]), opinion.text])
            }
        }
        if common.json { return try Output.json(said) }
        if rows.isEmpty { return print(text("policy.list.nothing")) }
        Output.table(rows)
    }
}
