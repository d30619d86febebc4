package import Mail
import Store

/// What one address becomes: mailboxes here, addresses elsewhere, and addresses of ours that nobody has.
package struct Expansion: Equatable, Sendable {
    package struct Local: Hashable, Sendable {
        package var user: LocalUser
        /// The address tag, without its separator.
        package var tag: String?
    }

    /// Each user once, in the order in which they were found.
    package var locals: [Local] = []
    /// Each once, in order.
    package var foreign: [Address] = []
    /// Addresses in our domains that no user and no forwarding has, and destinations that are no address at all.
    package var dead: [String] = []

    package init() {}

    package var isEmpty: Bool { locals.isEmpty && foreign.isEmpty }
}

/// Why an expansion has no result.
package enum ExpansionFailure: Error, Equatable, Sendable {
    /// The forwardings lead back to the address named.
    case loop(String)
    /// More than `Recipients.maximumResults` addresses.
    case tooMany
}

/// Expands addresses as Postfix does with the `virtual_alias_maps` of the classic stack: forwardings first, then users,
/// for the whole address, then without its tag, then (for the server's own name) the bare local part, then `@domain`;
/// results are expanded again until nothing changes.
package struct Recipients: Sendable {
    /// Postfix `virtual_alias_expansion_limit`.
    package static let maximumResults = 1000
    /// Postfix `virtual_alias_recursion_limit`.
    package static let maximumDepth = 1000

    /// The server's own name, A-label, lower case: it is appended to names without a domain.
    package var hostname: String
    /// Postfix `recipient_delimiter`; empty switches tags off.
    package var tagSeparator: String
    /// Where postmaster@ and abuse@ go unless a row says otherwise (RFC 2142, RFC 5321 §4.5.1); nil when nobody is named.
    package var administrator: String?

    package init(hostname: String, tagSeparator: String, administrator: String?) {
        self.hostname = hostname
        self.tagSeparator = tagSeparator
        self.administrator = administrator
    }

    /// As the settings are now.
    init(_ store: MailStore, hostname: String) {
        let administrator = store.value(.administrator)
        self.init(hostname: hostname, tagSeparator: store.value(.separator), administrator: administrator.isEmpty ? nil : administrator)
    }

    /// Where mail that the server writes by itself ends; nowhere, if the forwardings are a circle.
    func reach(_ address: Address, in store: MailStore) async throws(StoreFailure) -> Expansion {
        try await store.withAddressBook { book in
            do { return try expand(address, in: book) } catch is ExpansionFailure { return Expansion() }
        }
    }

    /// Everything that `address` becomes. Throws `ExpansionFailure`, and what the book throws.
    package func expand<Book: RecipientBook & ~Copyable>(_ address: Address, in book: borrowing Book) throws -> Expansion {
        var result = Expansion()
        var pending: [Candidate] = [Candidate(address)]
        var seen = Seen()
        var index = 0
        while index < pending.count {
            guard pending.count <= Self.maximumResults else { throw ExpansionFailure.tooMany }
            try settle(&pending, index, book, &seen, &result)
            index += 1
        }
        return result
    }

    /// An address on its way to its end, and the keys that it has been, so that a loop is seen at its first return.
    private struct Candidate {
        var address: Address
        var key: String
        var path: [String] = []

        init(_ address: Address, path: [String] = []) {
            self.address = address
            key = address.key
            self.path = path
        }
    }

    private struct Seen {
        /// Keys that were looked up: once is enough.
        var walked: Set<String> = []
        /// Keys that are results, or have themselves among their destinations.
        var final: Set<String> = []
    }

    private func settle<Book: RecipientBook & ~Copyable>(
        _ pending: inout [Candidate], _ index: Int, _ book: borrowing Book, _ seen: inout Seen, _ result: inout Expansion
    ) throws {
        while true {
            let candidate = pending[index]
            // What was expanded once gives the same again: duplicates fold.
            guard seen.walked.insert(candidate.key).inserted else { return }
            guard let match = try match(candidate.address, book) else {
                seen.final.insert(candidate.key)
                try conclude(candidate.address, book, &result)
                return
            }
            guard candidate.path.count < Self.maximumDepth else { throw ExpansionFailure.loop(candidate.key) }
            let path = candidate.path + [candidate.key]
            var next: [Candidate] = []
            for destination in match.destinations {
                if let address = try resolve(destination, of: candidate.address, tag: match.tag) {
                    next.append(Candidate(address, path: path))
                } else {
                    result.dead.append(destination)
                }
            }
            // An address may expand into itself once: it is then final, wherever it is met again.
            let includesItself = next.contains { $0.key == candidate.key }
            if includesItself {
                seen.final.insert(candidate.key)
                try conclude(candidate.address, book, &result)
            }
            for met in next {
                // A circle is no loop where one of its members is final: what it leads to has been settled (Postfix's `been_here`).
                guard let start = path.firstIndex(of: met.key) else { continue }
                guard path[start...].contains(where: { seen.final.contains($0) }) else { throw ExpansionFailure.loop(met.key) }
            }
            next.removeAll { seen.walked.contains($0.key) }
            if includesItself {
                pending.append(contentsOf: next)
                return
            }
            guard let first = next.first else {
                seen.final.insert(candidate.key)
                return
            }
            // A diamond (two ways to one address) is no loop: the way that came first settles it.
            pending[index] = first
            pending.append(contentsOf: next.dropFirst())
            guard pending.count <= Self.maximumResults else { throw ExpansionFailure.tooMany }
        }
    }

    private struct Match {
        var destinations: [String]
        /// The tag that the key had to lose to match; it goes over to the destinations.
        var tag: String?
    }

    /// Rows are looked up by A-label; one that was written with a U-label is found as well (RFC 5890 §2.3.2.1).
    private func destinations<Book: RecipientBook & ~Copyable>(of address: Address, _ book: borrowing Book) throws -> [String]? {
        if let found = try book.destinations(of: address.key) { return found }
        guard address.domain.isInternational else { return nil }
        return try book.destinations(of: address.localKey + "@" + address.domain.canonicalUnicode)
    }

    private func match<Book: RecipientBook & ~Copyable>(_ address: Address, _ book: borrowing Book) throws -> Match? {
        let key = address.key
        if let destinations = try destinations(of: address, book) { return Match(destinations: destinations) }
        if try book.localUser(key) != nil { return nil }

        let (local, tag) = address.splitTag(separator: tagSeparator)
        if let tag {
            let bare = address.replacing(localPart: local)
            if let destinations = try destinations(of: bare, book) { return Match(destinations: destinations, tag: tag) }
            if try book.localUser(bare.key) != nil { return nil }
        }
        let domain = address.domain.ascii
        if domain == hostname {
            if let destinations = try book.destinations(of: address.localKey) { return Match(destinations: destinations) }
            if let tag, let destinations = try book.destinations(of: address.replacing(localPart: local).localKey) {
                return Match(destinations: destinations, tag: tag)
            }
        }
        if let destinations = try book.destinations(of: "@" + domain) { return Match(destinations: destinations) }
        if address.domain.isInternational, let destinations = try book.destinations(of: "@" + address.domain.canonicalUnicode) {
            return Match(destinations: destinations)
        }
        if isRole(local), try domain == hostname || book.isOurs(domain: domain),
            let administrator = try administrator ?? book.oldestUser(),
            let target = try? Address(parsing: administrator, allowUTF8: true), target.key != key
        {
            return Match(destinations: [administrator])
        }
        return nil
    }

    /// RFC 5321 §4.5.1 postmaster; RFC 2142 abuse.
    private func isRole(_ local: String) -> Bool {
        let folded = local.lowercased()
        return folded == "postmaster" || folded == "abuse"
    }

    /// A destination as written becomes an address; nil when it can't be one.
    private func resolve(_ destination: String, of origin: Address, tag: String?) throws(ExpansionFailure) -> Address? {
        var text = destination
        if text.utf8.first == UInt8(ascii: "@") {
            // `@domain → @other` keeps the local part.
            guard var address = try? Address(parsing: "x" + text, allowUTF8: true) else { return nil }
            address.localPart = tag == nil ? origin.localPart : origin.splitTag(separator: tagSeparator).local
            return try tagged(address, tag)
        }
        if !text.utf8.contains(UInt8(ascii: "@")) { text += "@" + hostname }
        guard let address = try? Address(parsing: text, allowUTF8: true) else { return nil }
        return try tagged(address, tag)
    }

    /// Postfix `propagate_unmatched_extensions = virtual`. A tag that grows with each turn is a loop whose keys never
    /// repeat: it ends where no address can follow.
    private func tagged(_ address: Address, _ tag: String?) throws(ExpansionFailure) -> Address {
        guard let tag, let separator = tagSeparator.first else { return address }
        let result = address.replacing(localPart: address.localPart + String(separator) + tag)
        guard result.localPart.utf8.count <= Address.generatedLocalPartLimit else { throw ExpansionFailure.loop(address.key) }
        return result
    }

    private func conclude<Book: RecipientBook & ~Copyable>(
        _ address: Address, _ book: borrowing Book, _ result: inout Expansion
    ) throws {
        if let user = try book.localUser(address.key) {
            add(Expansion.Local(user: user, tag: nil), &result)
            return
        }
        let (local, tag) = address.splitTag(separator: tagSeparator)
        if tag != nil, let user = try book.localUser(address.replacing(localPart: local).key) {
            add(Expansion.Local(user: user, tag: tag), &result)
        } else if try address.domain.ascii == hostname || book.isOurs(domain: address.domain.ascii) {
            result.dead.append(address.description)
        } else if !result.foreign.contains(where: { $0.key == address.key }) {
            result.foreign.append(address)
        }
    }

    private func add(_ local: Expansion.Local, _ result: inout Expansion) {
        guard !result.locals.contains(where: { $0.user.id == local.user.id }) else { return }
        result.locals.append(local)
    }
}

extension Address {
    func replacing(localPart: String) -> Address {
        var copy = self
        copy.localPart = localPart
        return copy
    }

    /// The key of a forwarding row whose origin has no domain.
    var localKey: String {
        let key = key
        return key.lastIndex(of: "@").map { String(key[..<$0]) } ?? key
    }
}

extension Domain {
    /// The U-label form, in the spelling that the A-label stands for.
    fileprivate var canonicalUnicode: String { (try? Domain(parsing: ascii, allowUTF8: false))?.unicode ?? ascii }

    /// Whether a label has a form beyond ASCII.
    fileprivate var isInternational: Bool { ascii.hasPrefix("xn--") || ascii.contains(".xn--") }
}
