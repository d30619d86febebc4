/// RFC 3501 §2.3.2: the flags that every mailbox knows. `\Recent` is not here: it belongs to sessions.
package struct SystemFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let answered = SystemFlags(rawValue: 1)
    package static let flagged = SystemFlags(rawValue: 2)
    package static let deleted = SystemFlags(rawValue: 4)
    package static let seen = SystemFlags(rawValue: 8)
    package static let draft = SystemFlags(rawValue: 16)

    package static let all: [(flag: SystemFlags, name: String)] = [
        (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"), (.seen, "\\Seen"), (.draft, "\\Draft"),
    ]
}

/// A message's flags: the system's and the user's keywords (atoms; at most `Flags.maximumKeywords`, each of at most
/// `Flags.maximumKeywordLength` bytes). Keywords are kept without duplicates (ASCII case folded), in order of their folded names.
package struct Flags: Hashable, Sendable {
    package static let maximumKeywords = 100
    package static let maximumKeywordLength = 255

    package var system: SystemFlags
    package private(set) var keywords: [String]

    package init(_ system: SystemFlags = [], keywords: [String] = []) {
        self.system = system
        self.keywords = []
        for keyword in keywords { insert(keyword: keyword) }
    }

    /// No further keyword has room.
    package var isFull: Bool { keywords.count >= Self.maximumKeywords }

    /// False when there is no room for it, or it is empty or longer than a keyword may be; then nothing changes. A keyword that is
    /// there in another case stays as it was.
    @discardableResult
    package mutating func insert(keyword: String) -> Bool {
        let place = place(of: keyword)
        if isThere(keyword, place) { return true }
        guard !isFull, (1...Self.maximumKeywordLength).contains(keyword.utf8.count) else { return false }
        keywords.insert(keyword, at: place)
        return true
    }

    package mutating func remove(keyword: String) {
        let place = place(of: keyword)
        if isThere(keyword, place) { keywords.remove(at: place) }
    }

    package func contains(keyword: String) -> Bool { isThere(keyword, place(of: keyword)) }

    /// The first keyword that does not come before this one.
    private func place(of keyword: String) -> Int {
        var low = 0
        var high = keywords.count
        while low < high {
            let middle = (low + high) / 2
            if Self.precedes(keywords[middle], keyword) { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func isThere(_ keyword: String, _ place: Int) -> Bool {
        place < keywords.count && !Self.precedes(keyword, keywords[place])
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8) { $0.asciiLowercased < $1.asciiLowercased }
    }
}

extension Flags {
    /// STORE's FLAGS, +FLAGS and -FLAGS. Keywords beyond `maximumKeywords` are not added: false when there were any.
    @discardableResult
    package mutating func apply(_ operation: FlagOperation, _ other: Flags) -> Bool {
        switch operation {
        case .replace:
            self = other
            return true
        case .add:
            system.formUnion(other.system)
            var isWhole = true
            for keyword in other.keywords where !insert(keyword: keyword) { isWhole = false }
            return isWhole
        case .remove:
            system.subtract(other.system)
            for keyword in other.keywords { remove(keyword: keyword) }
            return true
        }
    }
}

/// How STORE changes flags (RFC 3501 §6.4.6).
package enum FlagOperation: Hashable, Sendable {
    case replace, add, remove
}
