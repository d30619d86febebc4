import Mail
import Store
import Synchronization

/// Which addresses a login may send as: its own, the same with a tag, and every one whose forwarding leads to it (RFC 6409 §6.1).
///
/// What was found is kept as long as the directory stays as it is: a mail program sends as the same address each time.
package final class OwnAddresses: Sendable {
    /// Pairs of login and address that are kept; at one more all are forgotten.
    static let limit = 10_000

    private struct State {
        var generation: UInt64 = 0
        var owned: Set<String> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// The first of `addresses` that the login does not own; nil when all are its own. `login`: folded.
    func firstForeign(
        _ addresses: [Address], to login: String, _ recipients: Recipients, _ store: MailStore
    ) async throws(StoreFailure) -> Address? {
        // The one before the look-up begins.
        let generation = store.directoryGeneration
        let unknown = state.withLock { state in
            state.generation == generation ? addresses.filter { !state.owned.contains(Self.pair(login, $0)) } : addresses
        }
        if unknown.isEmpty { return nil }
        let foreign = try await store.withAddressBook { book in
            try unknown.first { try !recipients.isOwned($0, by: login, in: book) }
        }
        if foreign == nil { keep(unknown.map { Self.pair(login, $0) }, generation) }
        return foreign
    }

    /// No address has a line feed.
    private static func pair(_ login: String, _ address: Address) -> String { login + "\n" + address.key }

    private func keep(_ pairs: [String], _ generation: UInt64) {
        state.withLock { state in
            if state.generation != generation || state.owned.count + pairs.count > Self.limit {
                guard generation >= state.generation, pairs.count <= Self.limit else { return }
                state = State(generation: generation)
            }
            state.owned.formUnion(pairs)
        }
    }

    /// For tests.
    var count: Int { state.withLock { $0.owned.count } }
}

extension Recipients {
    /// Whether mail for `address` would end in the login's mailbox, or it is the login's own address, whatever its forwarding says.
    func isOwned<Book: RecipientBook & ~Copyable>(_ address: Address, by login: String, in book: borrowing Book) throws -> Bool {
        guard let user = try book.localUser(login) else { return false }
        if address.key == login { return true }
        let (local, tag) = address.splitTag(separator: tagSeparator)
        // What looks like a tag may be somebody else's whole address, or a forwarding of its own.
        if tag != nil, address.replacing(localPart: local).key == login, try book.localUser(address.key) == nil,
            try book.destinations(of: address.key) == nil
        {
            return true
        }
        do {
            return try expand(address, in: book).locals.contains { $0.user.id == user.id }
        } catch is ExpansionFailure {
            // Nobody could answer to it.
            return false
        }
    }
}
