package import Filter
import Synchronization

/// Lists of banned names that were read before: to read one takes longer than to meet the names of most messages.
package final class KnownLists: Sendable {
    private static let most = 64

    private let lists = Mutex<[String: BannedNames]>([:])

    package init() {}

    /// A `NameMatcher`. What is no list forbids nothing.
    package func matcher(_ list: String) -> (NamedPart) -> String? {
        let names = lists.withLock { lists in
            if let known = lists[list] { return known }
            let names = (try? BannedNames(parsing: list)) ?? .none
            if lists.count >= Self.most { lists.removeAll() }
            lists[list] = names
            return names
        }
        return { names.rule(meeting: $0) }
    }
}
