import ArgumentParser
import Filter
import Mail
import Store

/// Which entries of the quarantine are meant.
struct QuarantineFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp(text("help.quarantine.user"), valueName: "EMAIL")) var user: String?
    @Option(help: ArgumentHelp(text("help.quarantine.domain"), valueName: "DOMAIN")) var domain: String?
    @Option(help: ArgumentHelp(text("help.quarantine.sender"), valueName: "SENDER")) var sender: String?
    @Option(help: ArgumentHelp(text("help.quarantine.reason"), valueName: "REASON")) var reason: String?
    @Option(help: ArgumentHelp(text("help.quarantine.since"), valueName: "TIME")) var since: String?
    @Option(help: ArgumentHelp(text("help.quarantine.limit"), valueName: "NUMBER")) var limit = 1_000

    var isEmpty: Bool { user == nil && domain == nil && sender == nil && reason == nil && since == nil }

    /// Fails where there is no such user, and on words that are none.
    func filter(in store: MailStore) async throws -> QuarantineFilter {
        guard limit > 0 else { throw CommandFailure(text("quarantine.limit", ["limit": limit])) }
        var filter = QuarantineFilter()
        if let user {
            guard let key = (try? Address(parsing: user, allowUTF8: true))?.key, try await store.exists(.user(key)) else {
                throw CommandFailure(text("user.unknown", ["email": shortened(user)]))
            }
            filter.user = key
        }
        // One that is gone may have mail there still.
        if let domain {
            guard let name = try? Domain(parsing: domain, allowUTF8: true) else {
                throw CommandFailure(text("domain.unknown", ["name": shortened(domain)]))
            }
            filter.domain = name
        }
        filter.sender = try sender.map(Self.sender)
        if let reason {
            guard let category = Category(rawValue: reason.lowercased()) else {
                throw CommandFailure(text("quarantine.reason", ["reason": shortened(reason)]))
            }
            filter.category = category.rawValue
        }
        if let since {
            guard let seconds = Setting.seconds(since.lowercased()) else {
                throw CommandFailure(text("quarantine.since", ["since": shortened(since)]))
            }
            filter.since = Clock.microseconds() / 1_000_000 - Int64(seconds)
        }
        return filter
    }

    private static func sender(_ written: String) throws -> QuarantineFilter.Sender {
        if written == "<>" { return .null }
        if let address = try? Address(parsing: written, allowUTF8: true) { return .address(address.description) }
        guard let domain = try? Domain(parsing: written, allowUTF8: true) else {
            throw CommandFailure(text("quarantine.sender", ["sender": shortened(written)]))
        }
        return .domain(domain)
    }
}
