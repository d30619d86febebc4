import ArgumentParser
import Mail
import Store

struct DomainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain", abstract: text("help.domain"), subcommands: [Add.self, List.self, Show.self, Remove.self])

    private struct Shown: Encodable {
        var domain: String
        var users: Int
    }

    /// The A-label, lower case.
    private static func canonical(_ name: String) throws -> String {
        guard let domain = try? Domain(parsing: name, allowUTF8: true), case .name = domain else {
            throw CommandFailure(text("domain.invalid", ["name": name]))
        }
        return domain.ascii
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.domain.add"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.domain.name"), valueName: "NAME")) var name: String

        func run() async throws {
            let name = try canonical(name)
            try await common.withStore { store in
                try await telling({
                    switch $0 {
                    case .alreadyExists: text("domain.exists", ["name": name])
                    default: nil
                    }
                }) {
                    try await store.addDomain(name)
                }
            }
            try common.answer(Shown(domain: name, users: 0), text("domain.added", ["name": name]))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.domain.list"))
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let domains = try await common.withStore { store in
                let users = try await store.users()
                return try await store.domains().map { name in
                    Shown(domain: name, users: users.count { $0.email.hasSuffix("@" + name) })
                }
            }
            if common.json { return try Output.json(domains) }
            Output.table(domains.map { [$0.domain, text("domain.users", ["count": $0.users])] })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.domain.show"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.domain.name"), valueName: "NAME")) var name: String

        func run() async throws {
            let name = try canonical(name)
            let users = try await common.withStore { store in
                guard try await store.domains().contains(name) else { throw CommandFailure(text("domain.unknown", ["name": name])) }
                return try await store.users(in: name)
            }
            if common.json { return try Output.json(Shown(domain: name, users: users.count)) }
            print("\(name): \(text("domain.users", ["count": users.count]))")
            for user in users { print("  \(user.email)") }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.domain.remove"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.domain.name"), valueName: "NAME")) var name: String

        func run() async throws {
            let name = try canonical(name)
            try await common.withStore { store in
                try await telling({
                    switch $0 {
                    case .nonExistent: text("domain.unknown", ["name": name])
                    case .inUse: text("domain.inuse", ["name": name])
                    default: nil
                    }
                }) {
                    try await store.removeDomain(name)
                }
            }
            try common.answer(Shown(domain: name, users: 0), text("domain.removed", ["name": name]))
        }
    }
}
