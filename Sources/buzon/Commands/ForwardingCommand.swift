import ArgumentParser
import Flow
import Mail
import Store

struct ForwardingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forwarding", abstract: text("help.forwarding"), subcommands: [Add.self, List.self, Show.self, Remove.self])

    private struct Shown: Encodable {
        var origin: String
        var destinations: [String]

        init(_ forwarding: Forwarding) {
            origin = forwarding.origin
            destinations = forwarding.destinations
        }
    }

    /// Several arguments, each with one or more addresses separated by commas.
    private static func addresses(_ arguments: [String]) -> [String] {
        var addresses: [String] = []
        for argument in arguments {
            for part in argument.split(separator: ",") { addresses.append(String(part.filter { $0 != " " })) }
        }
        return addresses.filter { !$0.isEmpty }
    }

    private static func unknown(_ origin: String) -> CommandFailure {
        CommandFailure(text("forwarding.unknown", ["origin": origin]))
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.forwarding.add"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.forwarding.origin"), valueName: "ORIGIN")) var origin: String
        @Argument(help: ArgumentHelp(text("help.forwarding.destination"), valueName: "DESTINATION")) var destinations: [String]

        func run() async throws {
            let wanted = addresses(destinations)
            let forwarding = try await common.withStore { store in
                let check = try ForwardingCheck(
                    origin: origin, hostname: Appliance.hostname(store), tagSeparator: store.value(.separator))
                let existing = try await store.forwarding(check.key)?.destinations ?? []
                let new = wanted.filter { one in !existing.contains { $0.lowercased() == one.lowercased() } }
                if new.isEmpty, !existing.isEmpty { throw CommandFailure(text("forwarding.exists", ["origin": check.key])) }
                let all = existing + new
                try await check.write(all, in: store)
                return Forwarding(origin: check.key, destinations: all)
            }
            try common.answer(
                Shown(forwarding),
                text("forwarding.added", ["origin": forwarding.origin, "destinations": forwarding.destinations.joined(separator: ", ")]))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.forwarding.list"))
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let forwardings = try await common.withStore { try await $0.forwardings() }
            if common.json { return try Output.json(forwardings.map(Shown.init)) }
            Output.table(forwardings.map { [$0.origin, "→", $0.destinations.joined(separator: ", ")] })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.forwarding.show"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.forwarding.origin"), valueName: "ORIGIN")) var origin: String

        func run() async throws {
            let forwarding = try await common.withStore { store in
                let key = (try? ForwardingCheck(origin: origin, hostname: "", tagSeparator: "").key) ?? origin
                return try await store.forwarding(key)
            }
            guard let forwarding else { throw unknown(origin) }
            try common.answer(Shown(forwarding), "\(forwarding.origin) → \(forwarding.destinations.joined(separator: ", "))")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.forwarding.remove"))
        @OptionGroup var common: CommonOptions
        @Argument(help: ArgumentHelp(text("help.forwarding.origin"), valueName: "ORIGIN")) var origin: String
        @Argument(help: ArgumentHelp(text("help.forwarding.destination"), valueName: "DESTINATION")) var destinations: [String] = []

        func run() async throws {
            let gone = addresses(destinations).map { $0.lowercased() }
            let left = try await common.withStore { store in
                let key = (try? ForwardingCheck(origin: origin, hostname: "", tagSeparator: "").key) ?? origin
                guard let existing = try await store.forwarding(key) else { throw unknown(origin) }
                let left = gone.isEmpty ? [] : existing.destinations.filter { !gone.contains($0.lowercased()) }
                if !gone.isEmpty, left.count == existing.destinations.count {
                    throw CommandFailure(
                        text("forwarding.unknown-destination", ["origin": key, "destination": gone.joined(separator: ", ")]))
                }
                if left.isEmpty {
                    try await store.removeForwarding(key)
                } else {
                    try await store.setForwarding(key, left, replacing: true)
                }
                return Forwarding(origin: key, destinations: left)
            }
            try common.answer(Shown(left), text("forwarding.removed", ["origin": left.origin]))
        }
    }
}

/// What the command refuses and SQL would keep: an origin in a domain that is not ours, destinations that nobody has,
/// loops and floods.
struct ForwardingCheck: Sendable {
    /// The origin as it is stored.
    let key: String
    private let recipients: Recipients
    /// An address that the origin catches.
    private let probe: Address?
    private let domain: String

    init(origin: String, hostname: String, tagSeparator: String) throws {
        let invalid = CommandFailure(text("forwarding.invalid-origin", ["origin": origin]))
        let isCatchAll = origin.hasPrefix("@")
        let whole =
            isCatchAll ? "probe" + origin : origin.contains("@") ? origin : origin + "@" + (hostname.isEmpty ? "localhost" : hostname)
        guard let address = try? Address(parsing: whole, allowUTF8: true), case .name = address.domain else { throw invalid }
        domain = address.domain.ascii
        key = isCatchAll ? "@" + domain : origin.contains("@") ? address.key : String(address.key.prefix { $0 != "@" })
        probe = address
        recipients = Recipients(hostname: hostname, tagSeparator: tagSeparator, administrator: nil)
    }

    func write(_ destinations: [String], in store: MailStore) async throws {
        for destination in destinations where !Self.isDestination(destination) {
            throw CommandFailure(text("forwarding.invalid-destination", ["destination": destination]))
        }
        let problem = Problem()
        do {
            try await store.setForwarding(key, destinations, replacing: true) { book in
                if let found = try judge(destinations, book) {
                    problem.set(found)
                    throw StoreFailure.notAllowed
                }
            }
        } catch {
            throw problem.take().map(CommandFailure.init) ?? CommandFailure(error) ?? CommandFailure("\(error)")
        }
    }

    private static func isDestination(_ text: String) -> Bool {
        let whole = text.hasPrefix("@") ? "x" + text : text.contains("@") ? text : text + "@localhost"
        return (try? Address(parsing: whole, allowUTF8: true)) != nil
    }

    /// The reason to refuse, in the user's language; nil when there is none.
    private func judge(_ destinations: [String], _ book: borrowing AddressBook) throws -> String? {
        guard try domain == recipients.hostname || book.isDomain(domain) else {
            return text("forwarding.foreign-domain", ["origin": key, "domain": domain])
        }
        do {
            for destination in destinations where !destination.hasPrefix("@") {
                let whole = destination.contains("@") ? destination : destination + "@" + recipients.hostname
                guard let address = try? Address(parsing: whole, allowUTF8: true) else { continue }
                let expansion = try recipients.expand(address, in: book)
                if expansion.isEmpty { return text("forwarding.nowhere", ["destination": destination]) }
            }
            if let probe { _ = try recipients.expand(probe, in: book) }
            return nil
        } catch ExpansionFailure.loop(let address) {
            return text("forwarding.loop", ["origin": key, "address": address])
        } catch ExpansionFailure.tooMany {
            return text("forwarding.too-many", ["origin": key, "limit": Recipients.maximumResults])
        }
    }
}
