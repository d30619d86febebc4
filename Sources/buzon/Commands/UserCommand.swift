import ArgumentParser
import Mail
import Store

struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: text("help.user"),
        subcommands: [Add.self, List.self, Show.self, Remove.self, Password.self, Quota.self])

    private struct Shown: Encodable {
        var email: String
        /// Bytes; null is the setting's, 0 is unlimited.
        var quota: Int?
        var used: Int
        var messages: Int
        var hasPassword: Bool

        init(_ user: User) {
            email = user.email
            quota = user.quota
            used = user.used
            messages = user.messages
            hasPassword = user.hasPassword
        }
    }

    /// One user, with what he has sent.
    private struct Account: Encodable {
        var user: Shown
        /// Recipients since midnight, UTC.
        var sentToday: Int
        var dailyRecipients: Int

        private enum Keys: String, CodingKey { case sentToday, dailyRecipients }

        func encode(to encoder: any Encoder) throws {
            try user.encode(to: encoder)
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(sentToday, forKey: .sentToday)
            try container.encode(dailyRecipients, forKey: .dailyRecipients)
        }
    }

    private struct Done: Encodable {
        var email: String
    }

    /// The whole address as it is looked up.
    private static func canonical(_ email: String) throws -> String {
        guard let address = try? Address(parsing: email, allowUTF8: true), case .name = address.domain else {
            throw CommandFailure(text("user.invalid", ["email": email]))
        }
        return address.key
    }

    private static func unknown(_ email: String) -> CommandFailure { CommandFailure(text("user.unknown", ["email": email])) }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.user.add"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.user.email"), valueName: "EMAIL")) var email: String
        @Option(help: ArgumentHelp(text("help.user.quota"), valueName: "BYTES")) var quota: Int?
        @Flag(help: ArgumentHelp(text("help.user.hash"))) var hash = false

        func validate() throws {
            guard quota.map({ $0 >= 0 }) ?? true else { throw ValidationError(text("user.quota.invalid")) }
        }

        func run() async throws {
            let email = try canonical(email)
            try await common.withStore { store in
                // Before a password is asked for.
                if try await store.user(email) != nil { throw CommandFailure(text("user.exists", ["email": email])) }
                let domain = String(email[email.index(after: email.lastIndex(of: "@") ?? email.startIndex)...])
                guard try await store.domains().contains(domain) else {
                    throw CommandFailure(text("user.unknown-domain", ["email": email, "domain": domain]))
                }
                let password = try SecretInput.read(prompt: text("user.password.prompt", ["email": email]))
                try await telling({
                    switch $0 {
                    case .alreadyExists: text("user.exists", ["email": email])
                    case .invalid("hash"): text("user.hash.invalid")
                    case MailStore.prohibitedPassword: text("user.password.prohibited")
                    case .invalid: text("user.invalid", ["email": email])
                    default: nil
                    }
                }) {
                    if hash {
                        try await store.addUser(email, hash: String(decoding: password, as: UTF8.self), quota: quota)
                    } else {
                        try await store.addUser(email, password: password, quota: quota)
                    }
                }
            }
            try common.answer(Done(email: email), text("user.added", ["email": email]))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.user.list"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.domain.name"), valueName: "DOMAIN")) var domain: String?

        func run() async throws {
            let users = try await common.withStore { try await $0.users(in: domain) }
            if common.json { return try Output.json(users.map(Shown.init)) }
            Output.table(
                users.map { user in
                    [user.email, text("user.usage", ["messages": user.messages, "bytes": user.used])]
                })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.user.show"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.user.email"), valueName: "EMAIL")) var email: String

        func run() async throws {
            let email = try canonical(email)
            let day = SentCount.day(Clock.microseconds() / 1_000_000)
            let found = try await common.withStore { store in
                (
                    user: try await store.user(email), sent: try await store.sentCount(email, day: day),
                    limit: store.integer(.dailyRecipients)
                )
            }
            guard let user = found.user else { throw unknown(email) }
            let sent = found.sent?.recipients ?? 0
            let quota = user.quota.map { $0 == 0 ? text("user.quota.none") : "\($0)" } ?? text("user.quota.setting")
            try common.answer(
                Account(user: Shown(user), sentToday: sent, dailyRecipients: found.limit),
                text(
                    "user.shown",
                    [
                        "email": user.email, "messages": user.messages, "bytes": user.used, "quota": quota,
                        "password": text(user.hasPassword ? "yes" : "no"), "sent": sent, "limit": found.limit,
                    ]))
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.user.remove"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.user.email"), valueName: "EMAIL")) var email: String

        func run() async throws {
            let email = try canonical(email)
            try await common.withStore { store in
                try await telling({
                    switch $0 {
                    case .nonExistent: unknown(email).description
                    default: nil
                    }
                }) {
                    try await store.removeUser(email)
                }
            }
            try common.answer(Done(email: email), text("user.removed", ["email": email]))
        }
    }

    struct Password: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.user.password"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.user.email"), valueName: "EMAIL")) var email: String
        @Flag(help: ArgumentHelp(text("help.user.hash"))) var hash = false

        func run() async throws {
            let email = try canonical(email)
            try await common.withStore { store in
                guard try await store.user(email) != nil else { throw unknown(email) }
                let password = try SecretInput.read(prompt: text("user.password.prompt", ["email": email]))
                try await telling({
                    switch $0 {
                    case .nonExistent: unknown(email).description
                    case .invalid("hash"): text("user.hash.invalid")
                    case MailStore.prohibitedPassword: text("user.password.prohibited")
                    default: nil
                    }
                }) {
                    if hash {
                        try await store.setPassword(email, hash: String(decoding: password, as: UTF8.self))
                    } else {
                        try await store.setPassword(email, password)
                    }
                }
            }
            try common.answer(Done(email: email), text("user.password.set", ["email": email]))
        }
    }

    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.user.setquota"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.user.email"), valueName: "EMAIL")) var email: String
        @Argument(help: ArgumentHelp(text("help.user.quota"), valueName: "BYTES|default")) var quota: String

        func run() async throws {
            let email = try canonical(email)
            let bytes = Int(quota)
            guard quota == "default" || bytes.map({ $0 >= 0 }) == true else { throw ValidationError(text("user.quota.invalid")) }
            try await common.withStore { store in
                try await telling({
                    switch $0 {
                    case .nonExistent: unknown(email).description
                    default: nil
                    }
                }) {
                    try await store.setQuota(email, bytes)
                }
            }
            try common.answer(Done(email: email), text("user.quota.set", ["email": email, "quota": quota]))
        }
    }
}
