package import Mail

/// Which senders an entry of a list is about, as AMaViS's look-ups write it.
package struct SenderPattern: Sendable, Hashable {
    /// Normalised: ASCII letters in lower case, domains as A-labels.
    package let text: String

    /// `user@domain`, `user@` (in any domain), `domain`, `.domain` (it and all below), `.` (everybody), `<>` (the null sender).
    package init?(_ written: String) {
        let pattern = written.trimmed
        // A header or a list of the classic kind: @domain.
        // So is *@domain.
        let bare = pattern.hasPrefix("@") ? String(pattern.dropFirst()) : pattern.hasPrefix("*@") ? String(pattern.dropFirst(2)) : pattern
        if pattern == "<>" || pattern == "." {
            text = pattern
        } else if !pattern.hasPrefix("*"),
            let address = try? Address(parsing: pattern, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit)
        {
            text = address.key
        } else if pattern.hasSuffix("@"),
            let address = try? Address(parsing: pattern + "x", allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit)
        {
            text = String(address.key.dropLast())
        } else if bare.hasPrefix("."), let name = Self.name(String(bare.dropFirst())) {
            text = "." + name
        } else if let name = Self.name(bare) {
            text = name
        } else {
            return nil
        }
    }

    private static func name(_ text: String) -> String? { (try? Domain(parsing: text, allowUTF8: true))?.ascii }

    /// Every pattern that a sender meets, the most specific first. Nil: the null sender.
    static func candidates(_ sender: Address?) -> [String] {
        guard let sender else { return ["<>", "."] }
        let domain = sender.domain.ascii
        var candidates = [sender.key, sender.localPart.asciiLowercased + "@", domain]
        if case .name = sender.domain {
            var rest = domain[...]
            while true {
                candidates.append("." + rest)
                guard let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")) else { break }
                rest = rest[rest.utf8.index(after: dot)...]
            }
        }
        return candidates + ["."]
    }
}

/// What a list says of a sender.
package enum SenderWord: Sendable, Hashable {
    case white, black
    /// Added to the score of his messages.
    case points(Points)

    /// `white`, `black`, or a number, also with a sign. AMaViS's `W` and `B` are accepted.
    package init?(_ written: String) {
        switch written.trimmed.asciiLowercased {
        case "white", "w": self = .white
        case "black", "b": self = .black
        default:
            guard let points = Points(written.trimmed) else { return nil }
            self = .points(points)
        }
    }

    /// As it is stored.
    package var text: String {
        switch self {
        case .white: "white"
        case .black: "black"
        case .points(let points): points.description
        }
    }
}

/// The list of one scope.
package struct SenderList: Sendable, Equatable {
    /// Entries of one scope.
    package static let limit = 10_000

    /// By normalised pattern.
    package private(set) var entries: [String: SenderWord] = [:]
    /// Rows that another tool wrote and that say nothing. They count as if they weren't there.
    package private(set) var useless: [String: String] = [:]

    package init() {}

    /// From rows as they are stored. Of several for the same pattern the one counts that is written as it is normalised, else the last.
    package init(rows: [(pattern: String, word: String)]) {
        let written = Set(rows.map(\.pattern))
        for row in rows {
            guard let pattern = SenderPattern(row.pattern), let word = SenderWord(row.word) else {
                useless[row.pattern] = row.word
                continue
            }
            if row.pattern == pattern.text || !written.contains(pattern.text) { entries[pattern.text] = word }
        }
    }

    package var count: Int { entries.count }

    /// The most specific entry that the sender meets.
    func find(_ candidates: [String]) -> (pattern: String, word: SenderWord)? {
        guard !entries.isEmpty else { return nil }
        for candidate in candidates {
            if let word = entries[candidate] { return (candidate, word) }
        }
        return nil
    }
}

/// What the lists of server, domain and user together say of a sender.
package struct SenderOpinion: Sendable, Equatable {
    package struct Ground: Sendable, Equatable {
        package var scope: PolicyScope
        package var pattern: String
        package var word: SenderWord
    }

    package var isWhite = false
    package var isBlack = false
    /// The sum over the scopes.
    package var points = 0.0
    /// What it rests on: the entry that made the sender white or black, and all that gave points, the narrowest scope first.
    package var why: [Ground] = []
}

extension PolicyLayers {
    /// As AMaViS looks up: in each scope's list the most specific entry alone speaks. The narrowest scope that calls the sender white or
    /// black decides (`white_black_list`); points of all scopes are added (`score_sender_maps`). `sender` is that of the envelope; nil: null.
    package func opinion(of sender: Address?) -> SenderOpinion {
        var opinion = SenderOpinion()
        guard layers.contains(where: { $0.policy.senders.count > 0 }) else { return opinion }
        let candidates = SenderPattern.candidates(sender)
        var sum = Points(thousandths: 0)
        for layer in layers.reversed() {
            guard let (pattern, word) = layer.policy.senders.find(candidates) else { continue }
            switch word {
            case .points(let points): sum.thousandths += points.thousandths
            case .white, .black:
                if opinion.isWhite || opinion.isBlack { continue }
                opinion.isWhite = word == .white
                opinion.isBlack = word == .black
            }
            opinion.why.append(.init(scope: layer.scope, pattern: pattern, word: word))
        }
        opinion.points = sum.value
        return opinion
    }
}
