extension BannedNames {
    struct Rule: Sendable {
        enum Form: Sendable {
            /// An extension without its dot. `BannedNames` looks these up.
            case suffix([UInt8])
            case pattern([UInt8])
            /// `subtype` is nil for all of a type.
            case type(String, subtype: String?)
            case kind(String)
            case double, classID, mismatch
        }

        /// As the list's normalised form has it.
        let text: String
        let form: Form

        init(_ written: String) throws(Fault) {
            let word = String(decoding: PlainRule.fold(written), as: UTF8.self)
            switch word {
            case "double": (text, form) = (word, .double)
            case "clsid": (text, form) = (word, .classID)
            case "mismatch": (text, form) = (word, .mismatch)
            case _ where word.hasPrefix("type:"):
                let parts = word.dropFirst(5).split(separator: "/", omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2, parts.allSatisfy(PlainRule.isToken), parts[0] != "*" else {
                    throw Fault(rule: written, reason: .noType)
                }
                (text, form) = (word, .type(parts[0], subtype: parts[1] == "*" ? nil : parts[1]))
            case _ where word.hasPrefix("kind:"):
                // Kinds are told apart by case: `Z`.
                let kind = String(written.dropFirst(5))
                guard let known = [kind, String(word.dropFirst(5))].first(where: ContentKind.words.contains) else {
                    throw Fault(rule: written, reason: .noKind)
                }
                (text, form) = ("kind:" + known, .kind(known))
            case _ where word.contains("/") || word.contains("\\"): throw Fault(rule: written, reason: .folder)
            case _ where word.contains("*") || word.contains("?"):
                guard word.contains(where: { $0 != "*" && $0 != "?" && $0 != "." }) else { throw Fault(rule: written, reason: .everything) }
                (text, form) = (word, .pattern(PlainRule.collapsed(word)))
            case _ where word.hasPrefix("."):
                guard word.count > 1, word.last != "." else { throw Fault(rule: written, reason: .unknown) }
                let suffix = Array(word.utf8.dropFirst())
                (text, form) = (word, suffix.contains(UInt8(ascii: ".")) ? .pattern(Array("*\(word)".utf8)) : .suffix(suffix))
            default: throw Fault(rule: written, reason: .unknown)
            }
        }

        func isMet(by part: NamedPart, _ readings: [PlainName]) -> Bool {
            switch form {
            case .suffix: false
            case .pattern(let pattern): readings.contains { PlainRule.isMatch(pattern[...], $0.bytes) }
            case .type(let type, let subtype?): part.contentType == type + "/" + subtype
            case .type(let type, nil): part.contentType.hasPrefix(type + "/")
            case .kind(let word): part.kind?.isNamed(word) == true
            case .double: readings.contains { $0.hasTwoSuffixes && Self.runs.contains($0.suffixText) }
            case .classID: readings.contains { PlainRule.endsInClassID($0.bytes) }
            case .mismatch: part.isMisnamed(readings)
            }
        }

        /// AMaViS's, for second extensions.
        private static let runs: Set<String> = ["exe", "vbs", "pif", "scr", "bat", "cmd", "com", "cpl", "dll"]
    }
}

/// How rules are read and compared.
private enum PlainRule {
    static func fold(_ word: String) -> [UInt8] { Array(word.lowercased().utf8) }

    static func isToken(_ word: String) -> Bool {
        !word.isEmpty && word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"()<>@,;:\\\"/[]?=".utf8.contains($0) }
    }

    /// Runs of `*` as one.
    static func collapsed(_ pattern: String) -> [UInt8] {
        pattern.utf8.reduce(into: []) { if $1 != UInt8(ascii: "*") || $0.last != $1 { $0.append($1) } }
    }

    /// `*` gives back what it took, the last one first; those before never need to. So that costs stay below the product of lengths.
    static func isMatch(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        var (place, index) = (pattern.startIndex, name.startIndex)
        var resume: (place: Int, index: Int)?
        while true {
            if place < pattern.endIndex, pattern[place] == UInt8(ascii: "*") {
                place += 1
                resume = (place, index)
                continue
            }
            if index == name.endIndex, place == pattern.endIndex { return true }
            if index < name.endIndex, place < pattern.endIndex {
                if pattern[place] == name[index] {
                    (place, index) = (place + 1, index + 1)
                    continue
                }
                if pattern[place] == UInt8(ascii: "?") {
                    place += 1
                    index += 1
                    while index < name.endIndex, name[index] & 0xC0 == 0x80 { index += 1 }
                    continue
                }
            }
            guard let last = resume, last.index < name.endIndex else { return false }
            (place, index) = (last.place, last.index + 1)
            resume = (place, index)
        }
    }

    /// `{00000000-0000-0000-0000-000000000000}`, the closing brace being optional.
    static func endsInClassID(_ name: ArraySlice<UInt8>) -> Bool {
        var tail = name
        if tail.last == UInt8(ascii: "}") { tail.removeLast() }
        tail = tail.suffix(37)
        guard tail.count == 37, tail.first == UInt8(ascii: "{") else { return false }
        return zip(1..., tail.dropFirst()).allSatisfy { place, byte in
            [9, 14, 19, 24].contains(place)
                ? byte == UInt8(ascii: "-") : (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
        }
    }
}
