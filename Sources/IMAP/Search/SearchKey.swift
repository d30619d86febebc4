package import Mail

/// RFC 3501 §6.4.4: what SEARCH asks of a message.
package indirect enum SearchKey: Sendable, Equatable {
    case all
    /// Sequence numbers and what depends on the session: `View` makes `.messages` of them before anything is evaluated.
    case numbers(SequenceSet)
    case uids(SequenceSet)
    case recent
    case messages(UIDSet)

    case flag(SystemFlags)
    case keyword(String)
    case larger(Int)
    case smaller(Int)
    /// Calendar days of the internal date in its own zone.
    case before(Day), on(Day), since(Day)
    /// The same of the Date field.
    case sentBefore(Day), sentOn(Day), sentSince(Day)
    /// A field's name in capitals, and what one of its kind must contain (nothing: it must be there).
    case header([UInt8], SearchText)
    case subject(SearchText)
    case body(SearchText)
    case text(SearchText)

    case not(SearchKey)
    case and([SearchKey])
    case or(SearchKey, SearchKey)
}

struct SearchArguments: Sendable {
    var key: SearchKey
    var isUID: Bool
}

extension CommandReader {
    mutating func search(isUID: Bool, limits: Limits) throws(CommandError) -> SearchArguments {
        try space()
        var charset: String?
        if skip(word: "CHARSET ") {
            let name = String(decoding: try astring(), as: UTF8.self)
            try space()
            guard Charset.isKnown(name) else {
                // RFC 3501 §6.4.4: and which would do.
                throw .no(Refusal(code: "BADCHARSET (US-ASCII UTF-8)", "Unknown charset"))
            }
            charset = name
        }
        var grammar = SearchGrammar(reader: self, charset: charset, left: limits)
        let key = try grammar.keys(depth: limits.searchNesting)
        self = grammar.reader
        try end()
        return SearchArguments(key: key, isUID: isUID)
    }
}

private struct SearchGrammar {
    var reader: CommandReader
    let charset: String?
    /// Keys that may still come, of each kind.
    var left: Limits

    private var isUTF8: Bool { charset.map { ["UTF-8", "UTF8"].contains($0.uppercased()) } ?? true }

    /// One or more keys, all of which must be fulfilled.
    mutating func keys(depth: Int) throws(CommandError) -> SearchKey {
        var keys: [SearchKey] = []
        while true {
            keys.append(try key(depth: depth))
            while reader.current == 0x20 { _ = reader.skip(0x20) }
            if reader.isAtEnd || reader.current == 0x29 { break }
            // A parenthesis may stand right behind another one; anything else was spaced off.
            guard reader.index > 0, reader.bytes[reader.index - 1] == 0x20 || reader.current == 0x28 else {
                throw .bad("Space expected")
            }
        }
        return keys.count == 1 ? keys[0] : .and(keys)
    }

    private mutating func key(depth: Int) throws(CommandError) -> SearchKey {
        guard depth > 0 else { throw .no(Refusal(code: "LIMIT", "Search nested too deep")) }
        try count(\.searchKeys)
        switch reader.current {
        case 0x28:
            _ = reader.skip(0x28)
            while reader.skip(0x20) {}
            let inner = try keys(depth: depth - 1)
            try reader.expect(0x29)
            return inner
        case let byte? where (0x30...0x39).contains(byte) || byte == 0x2A:
            try count(\.searchSets)
            return .numbers(try reader.sequenceSet())
        default: return try named(try reader.keyword(), depth: depth)
        }
    }

    private mutating func count(_ kind: WritableKeyPath<Limits, Int>) throws(CommandError) {
        left[keyPath: kind] -= 1
        if left[keyPath: kind] < 0 { throw .no(Refusal(code: "LIMIT", "Too many search keys of that kind")) }
    }

    private mutating func named(_ name: String, depth: Int) throws(CommandError) -> SearchKey {
        switch name {
        case "ALL": return .all
        case "ANSWERED": return .flag(.answered)
        case "DELETED": return .flag(.deleted)
        case "DRAFT": return .flag(.draft)
        case "FLAGGED": return .flag(.flagged)
        case "SEEN": return .flag(.seen)
        case "UNANSWERED": return .not(.flag(.answered))
        case "UNDELETED": return .not(.flag(.deleted))
        case "UNDRAFT": return .not(.flag(.draft))
        case "UNFLAGGED": return .not(.flag(.flagged))
        case "UNSEEN": return .not(.flag(.seen))
        case "RECENT": return .recent
        case "OLD": return .not(.recent)
        case "NEW": return .and([.recent, .not(.flag(.seen))])
        case "KEYWORD": return .keyword(try word())
        case "UNKEYWORD": return .not(.keyword(try word()))
        case "LARGER": return .larger(try size())
        case "SMALLER": return .smaller(try size())
        case "BEFORE": return .before(try day())
        case "ON": return .on(try day())
        case "SINCE": return .since(try day())
        case "SENTBEFORE": return .sentBefore(try day())
        case "SENTON": return .sentOn(try day())
        case "SENTSINCE": return .sentSince(try day())
        case "SUBJECT": return .subject(try text(\.searchFields))
        case "FROM", "TO", "CC", "BCC": return .header(Array(name.utf8), try text(\.searchFields))
        case "HEADER":
            try reader.space()
            let field = try reader.astring().map(upperCased)
            let value = try text(\.searchFields)
            return field.elementsEqual("SUBJECT".utf8) ? .subject(value) : .header(field, value)
        case "BODY": return .body(try text(\.searchBodies))
        case "TEXT": return .text(try text(\.searchBodies))
        case "UID":
            try count(\.searchSets)
            try reader.space()
            return .uids(try reader.sequenceSet())
        case "NOT":
            try reader.space()
            return .not(try key(depth: depth - 1))
        case "OR":
            try reader.space()
            let first = try key(depth: depth - 1)
            try reader.space()
            return .or(first, try key(depth: depth - 1))
        default: throw .bad("Unknown search key")
        }
    }

    private mutating func word() throws(CommandError) -> String {
        try reader.space()
        return String(decoding: try reader.atom(), as: UTF8.self)
    }

    private mutating func size() throws(CommandError) -> Int {
        try reader.space()
        return Int(try reader.number())
    }

    private mutating func day() throws(CommandError) -> Day {
        try reader.space()
        return try reader.date()
    }

    private mutating func text(_ kind: WritableKeyPath<Limits, Int>) throws(CommandError) -> SearchText {
        try count(kind)
        try reader.space()
        let bytes = try reader.astring()
        // Without CHARSET it ought to be US-ASCII; what clients send nevertheless is UTF-8.
        if isUTF8 {
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .bad("Invalid UTF-8 in a search string") }
            return SearchText(text)
        }
        return SearchText(charset.map { Charset.decode(bytes, named: $0) } ?? Charset.decode(bytes[...]))
    }
}
