/// What a script expects in the place of one argument of a reply.
package indirect enum ReplyPattern: Sendable, Equatable {
    /// The bare word NIL.
    case null
    /// Text in which `$variables` stand for what they are, or take, and `$` for anything.
    case text([UInt8])
    case list(ListPattern)
}

/// A list that a script expects, with its `$!directives`.
package struct ListPattern: Sendable, Equatable {
    /// `$!unordered`: elements anywhere, and others beside them.
    package var isUnordered = false
    /// `$!unordered=n`: elements belong together in chains of n.
    package var chain = 1
    /// `$!noextra` and `$!extra`; nil leaves it to `isUnordered`.
    package var allowsExtra: Bool?
    /// `$!ignore=e`: allowed beside `$!noextra`.
    package var ignored: [[UInt8]] = []
    /// `$!ban=e`: forbidden beside `$!extra`.
    package var banned: [[UInt8]] = []
    package var elements: [ReplyPattern] = []

    package init() {}
}

extension ReplyPattern {
    package struct DirectiveError: Error, Equatable {
        package let what: String
    }

    /// Patterns of a whole untagged reply, with the defaults that the format gives to well-known lists.
    package static func patterns(of tokens: [IMAPToken]) throws(DirectiveError) -> [ReplyPattern] {
        let isNumbered =
            tokens.first.map { token in token.bytes.map { $0.first == 0x24 || 0x30...0x39 ~= $0.first ?? 0 } ?? false } ?? false
        let name = (isNumbered ? tokens.dropFirst().first : tokens.first)?.text?.uppercased() ?? ""
        var patterns: [ReplyPattern] = []
        for (index, token) in tokens.enumerated() {
            switch (name, index) {
            case ("LIST", 1), ("LSUB", 1): patterns.append(try pattern(of: token, default: [.unordered(1)]))
            case ("STATUS", 2): patterns.append(try pattern(of: token, default: [.unordered(2)]))
            case ("FETCH", 2): patterns.append(try pattern(of: token, default: [.unordered(2)], flags: flagDefaults))
            default: patterns.append(try pattern(of: token))
            }
        }
        return patterns
    }

    private enum Directive {
        case unordered(Int), ordered, extra(Bool), ignore([UInt8]), ban([UInt8])
    }

    /// `\Recent` comes and goes with the session; the attachment keywords are some servers' own.
    private static let flagDefaults: [Directive] =
        [.unordered(1), .extra(false)] + ["\\Recent", "$HasAttachment", "$HasNoAttachment"].map { .ignore(Array($0.utf8)) }

    private static func pattern(of token: IMAPToken, default defaults: [Directive] = [], flags: [Directive] = []) throws(DirectiveError)
        -> ReplyPattern
    {
        guard case .list(let tokens) = token else { return token.isNil ? .null : .text(token.bytes ?? []) }
        var list = ListPattern()
        var directives: [Directive] = []
        var rest = tokens[...]
        while case .atom(let bytes) = rest.first, bytes.starts(with: [0x24, 0x21]) {
            directives.append(try directive(String(decoding: bytes.dropFirst(2), as: UTF8.self)))
            rest = rest.dropFirst()
        }
        for directive in directives.isEmpty ? defaults : directives {
            switch directive {
            case .unordered(let chain):
                list.isUnordered = true
                list.chain = chain
            case .ordered: list.isUnordered = false
            case .extra(let allowed): list.allowsExtra = allowed
            case .ignore(let element): list.ignored.append(element)
            case .ban(let element): list.banned.append(element)
            }
        }
        var previous: IMAPToken?
        for element in rest {
            let isFlags = previous?.isAtom("FLAGS") ?? false
            list.elements.append(try pattern(of: element, default: isFlags ? flags : []))
            if case .atom = element { previous = element }
        }
        guard list.elements.count.isMultiple(of: list.chain) else { throw DirectiveError(what: "a list that is no chain of \(list.chain)") }
        return .list(list)
    }

    private static func directive(_ text: String) throws(DirectiveError) -> Directive {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        switch (parts.first ?? "", parts.count > 1 ? parts[1] : nil) {
        case ("unordered", nil): return .unordered(1)
        case ("unordered", let count?):
            guard let chain = Int(count), chain > 0 else { break }
            return .unordered(chain)
        case ("ordered", nil): return .ordered
        case ("extra", nil): return .extra(true)
        case ("noextra", nil): return .extra(false)
        case ("ignore", let element?): return .ignore(Array(element.utf8))
        case ("ban", let element?): return .ban(Array(element.utf8))
        default: break
        }
        throw DirectiveError(what: "no directive: $!\(text)")
    }
}
