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
            guard !wanted.isEmpty else { throw CommandFailure(text("forwarding.no-destination")) }
            let forwarding = try await common.withStore { store in
                let check = try ForwardingCheck(
                    origin: origin, hostname: Appliance.hostname(store), tagSeparator: store.value(.separator))
                return Forwarding(origin: check.key, destinations: try await check.add(wanted, in: store))
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
                let problem = Problem()
                do {
                    let left = try await store.changeForwarding(key) { existing in
                        let left = gone.isEmpty ? [] : existing.filter { !gone.contains($0.lowercased()) }
                        if existing.isEmpty {
                            problem.set(text("forwarding.unknown", ["origin": origin]))
                        } else if left.count == existing.count {
                            problem.set(
                                text("forwarding.unknown-destination", ["origin": key, "destination": gone.joined(separator: ", ")]))
                        } else {
                            return left
                        }
                        throw StoreFailure.notAllowed
                    }
                    return Forwarding(origin: key, destinations: left)
                } catch {
                    throw problem.take().map(CommandFailure.init) ?? error
                }
            }
            try common.answer(
                Shown(left),
                left.destinations.isEmpty
                    ? text("forwarding.removed", ["origin": left.origin])
                    : text("forwarding.kept", ["origin": left.origin, "destinations": left.destinations.joined(separator: ", ")]))
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

    /// Adds what is not there yet. Answers all destinations.
    func add(_ wanted: [String], in store: MailStore) async throws -> [String] {
        for destination in wanted where !Self.isDestination(destination) {
            throw CommandFailure(text("forwarding.invalid-destination", ["destination": destination]))
        }
        let problem = Problem()
        do {
            return try await store.changeForwarding(key) { existing in
                let new = wanted.filter { one in !existing.contains { $0.lowercased() == one.lowercased() } }
                guard !new.isEmpty else {
                    problem.set(text("forwarding.exists", ["origin": key]))
                    throw StoreFailure.notAllowed
                }
                return existing + new
            } check: { book in
                if let found = try judge(wanted, book) {
                    problem.set(found)
                    throw StoreFailure.notAllowed
                }
            }
        } catch {
            throw problem.take().map(CommandFailure.init) ?? error
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
