import ArgumentParser
import Mail
import Store

struct RouteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route", abstract: text("help.route"), subcommands: [List.self, Set.self, Remove.self])

    private struct Shown: Encodable {
        var domain: String
        var host: String
        var port: Int
        var tls: String
        var user: String
        var hasPassword: Bool

        init(_ route: Smarthost) {
            domain = route.domain
            host = route.host
            port = route.port
            tls = route.tls.rawValue
            user = route.user
            hasPassword = !route.password.isEmpty
        }
    }

    /// A-label; empty for every other domain.
    private static func canonical(_ domain: String?) throws -> String {
        guard let domain, !domain.isEmpty else { return "" }
        guard let name = try? Domain(parsing: domain, allowUTF8: true) else { throw CommandFailure(text("route.invalid")) }
        return name.ascii
    }

    private static func named(_ domain: String) -> String { domain.isEmpty ? text("route.others") : domain }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.route.list"))
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let routes = try await common.withStore { try await $0.smarthosts() }
            if common.json { return try Output.json(routes.map(Shown.init)) }
            if routes.isEmpty { return print(text("route.none")) }
            Output.table(
                routes.map { route in
                    let host = route.host.isEmpty ? text("route.direct") : "\(route.host):\(route.port)"
                    return [named(route.domain), host, route.host.isEmpty ? "" : route.tls.rawValue, route.user]
                })
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.route.set"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.route.host"), valueName: "HOST")) var host: String
        @Option(help: ArgumentHelp(text("help.route.domain"), valueName: "DOMAIN")) var domain: String?
        @Option(help: ArgumentHelp(text("help.route.port"), valueName: "PORT")) var port: Int?
        @Option(help: ArgumentHelp(text("help.route.tls"), valueName: "TLS")) var tls: String?
        @Option(help: ArgumentHelp(text("help.route.user"), valueName: "USER")) var user = ""

        func run() async throws {
            let domain = try canonical(domain)
            let isDirect = host == "-"
            // Straight to the domain's own hosts, the setting outbound-tls counts.
            guard !isDirect || (port == nil && tls == nil && user.isEmpty) else { throw CommandFailure(text("route.direct-options")) }
            let port = port ?? 587
            guard let encryption = Smarthost.Encryption(rawValue: tls ?? "required") else {
                throw CommandFailure(text("route.tls", ["tls": tls ?? ""]))
            }
            guard (1...65_535).contains(port),
                isDirect || IPAddress(host) != nil || (try? Domain(parsing: host, allowUTF8: false)) != nil
            else { throw CommandFailure(text("route.invalid")) }
            let password =
                user.isEmpty
                ? [] : try SecretInput.read(prompt: text("route.password.prompt", ["user": user, "host": host]))
            let route = Smarthost(
                domain: domain, host: isDirect ? "" : host, port: port, tls: encryption, user: user, password: password)
            try await common.withStore { try await $0.set(route) }
            if !user.isEmpty, encryption == .never { Output.complain(text("route.clear") + "\n") }
            _ = try? Control.ask(.flush, directory: common.data, seconds: 2)
            try common.answer(
                Shown(route),
                text("route.set", ["domain": named(domain), "host": isDirect ? text("route.direct") : "\(host):\(port)"]))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.route.remove"))
        @OptionGroup var common: CommonOptions
        @Option(help: ArgumentHelp(text("help.route.domain"), valueName: "DOMAIN")) var domain: String?

        func run() async throws {
            let domain = try canonical(domain)
            try await common.withStore { store in
                try await telling({ $0 == .nonExistent ? text("route.unknown", ["domain": named(domain)]) : nil }) {
                    try await store.removeSmarthost(for: domain)
                }
            }
            try common.answer(["domain": domain], text("route.removed", ["domain": named(domain)]))
        }
    }
}
