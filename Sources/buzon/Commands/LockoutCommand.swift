import ArgumentParser
import Mail
import Store

/// Who is refused for wrong passwords, and letting him try again.
struct LockoutCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockout", abstract: text("help.lockout"), subcommands: [List.self, Lift.self])

    private struct Shown: Encodable {
        var kind: String
        var key: String
        var failures: Int
        /// Seconds since 1970.
        var last: Int64
        var until: Int64
    }

    private struct Lifted: Encodable {
        var lifted: Int
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.lockout.list"))
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let now = Clock.microseconds() / 1_000_000
            let lockouts = try await common.withStore { try await $0.lockouts(now: now) }
            if common.json {
                return try Output.json(
                    lockouts.map {
                        Shown(kind: $0.kind.rawValue, key: $0.key, failures: $0.failures, last: $0.last, until: $0.until)
                    })
            }
            if lockouts.isEmpty { return print(text("lockout.none")) }
            Output.table(
                lockouts.map { lockout in
                    [
                        text("lockout.kind.\(lockout.kind.rawValue)"), lockout.key,
                        text("lockout.shown", ["count": lockout.failures, "time": MailDate.format(seconds: lockout.until)]),
                    ]
                })
        }
    }

    struct Lift: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.lockout.lift"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.lockout.key"), valueName: "ADDRESS|EMAIL")) var key: String?
        @Flag(help: ArgumentHelp(text("help.lockout.all"))) var all = false

        func validate() throws {
            guard (key == nil) == all else { throw ValidationError(text("lockout.which")) }
        }

        func run() async throws {
            let key = key.map(Self.canonical)
            let count = try await common.withStore { try await $0.liftLockouts(key) }
            if let key, count == 0 { throw CommandFailure(text("lockout.unknown", ["key": key])) }
            try common.answer(Lifted(lifted: count), text("lockout.lifted", ["count": count]))
        }

        /// As it is counted: an IPv6 address by its network, a login by its key.
        private static func canonical(_ key: String) -> String {
            if let address = IPAddress(key) { return address.loginKey }
            return (try? Address(parsing: key, allowUTF8: true).key) ?? key.lowercased()
        }
    }
}
