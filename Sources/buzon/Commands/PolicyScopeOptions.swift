import ArgumentParser
import Filter
import Mail
import Store

/// Whose policy a command is about: the server's when neither is said.
struct PolicyScopeOptions: ParsableArguments {
    @Option(help: ArgumentHelp(text("help.policy.domain"), valueName: "DOMAIN")) var domain: String?
    @Option(help: ArgumentHelp(text("help.policy.user"), valueName: "EMAIL")) var user: String?

    func validate() throws {
        guard domain == nil || user == nil else { throw ValidationError(text("policy.both")) }
    }

    /// As it is looked up. Fails when there is no such domain or user.
    func scope(in store: MailStore) async throws -> PolicyScope {
        let scope: PolicyScope
        if let user {
            guard let address = try? Address(parsing: user, allowUTF8: true) else { throw unknown }
            scope = .user(address.key)
        } else if let domain {
            guard let name = try? Domain(parsing: domain, allowUTF8: true) else { throw unknown }
            scope = .domain(name.ascii)
        } else {
            scope = .server
        }
        guard try await store.exists(scope) else { throw unknown }
        return scope
    }

    private var unknown: CommandFailure {
        CommandFailure(user.map { text("user.unknown", ["email": $0]) } ?? text("domain.unknown", ["name": domain ?? ""]))
    }
}

extension PolicyScope {
    /// In words: “the domain example.org”.
    var words: String {
        switch self {
        case .server: text("policy.scope.server")
        case .domain(let name): text("policy.scope.domain", ["name": name])
        case .user(let email): text("policy.scope.user", ["email": email])
        }
    }
}

extension PolicyLayers {
    /// On standard error: rows that count as if they weren't there. `key`: only about this one.
    func complainOfUselessRows(about key: PolicyKey? = nil) {
        for layer in layers {
            for (name, value) in layer.policy.useless.sorted(by: { $0.key < $1.key }) where key == nil || key?.rawValue == name {
                let word = PolicyKey(rawValue: name) == nil ? "policy.useless-key" : "policy.useless-value"
                Output.complain(text(word, ["key": shortened(name), "value": shortened(value), "scope": layer.scope.words]) + "\n")
            }
        }
    }
}

extension SenderList {
    /// As above.
    func complainOfUselessRows() {
        for (sender, opinion) in useless.sorted(by: { $0.key < $1.key }) {
            Output.complain(text("policy.sender.useless", ["sender": shortened(sender), "opinion": shortened(opinion)]) + "\n")
        }
    }
}

/// In one line of a table: control characters, which another tool may have written, as `?`, and no more than `limit` characters.
func shortened(_ value: String, _ limit: Int = 60) -> String {
    var scalars = String.UnicodeScalarView(
        value.unicodeScalars.prefix(limit).map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "?" : $0 })
    if value.unicodeScalars.count > limit { scalars.append("…") }
    return String(scalars)
}

/// Two arguments of which the second may begin with a hyphen.
struct WordPair {
    let first: String
    let second: String

    /// `words`: what the parser took for no option, a `--` that ends options included.
    init(_ words: [String], usage: String? = nil) throws {
        let words = words.first == "--" ? Array(words.dropFirst()) : words
        if let option = words.first(where: { $0.hasPrefix("--") }), words.count != 2 || option == words[0] {
            throw ValidationError("Unknown option '\(option)'")
        }
        guard words.count == 2 else { throw ValidationError(text("policy.pair", ["usage": usage ?? ""])) }
        (first, second) = (words[0], words[1])
    }
}
