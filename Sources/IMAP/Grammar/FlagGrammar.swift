import Mail

extension CommandReader {
    /// RFC 3501 §9 `flag-list`, or flags without parentheses as STORE takes them.
    mutating func flagList(needsParentheses: Bool) throws(CommandError) -> Flags {
        var flags = Flags()
        if skip(0x28) {
            while skip(0x20) {}
            while current != 0x29 {
                try flag(into: &flags)
                if !skip(0x20) { break }
                while skip(0x20) {}
            }
            try expect(0x29)
        } else {
            if needsParentheses { throw .bad("Flag list expected") }
            repeat { try flag(into: &flags) } while skip(0x20)
        }
        return flags
    }

    private mutating func flag(into flags: inout Flags) throws(CommandError) {
        if skip(0x5C) {
            switch try keyword() {
            case "ANSWERED": flags.system.insert(.answered)
            case "FLAGGED": flags.system.insert(.flagged)
            case "DELETED": flags.system.insert(.deleted)
            case "SEEN": flags.system.insert(.seen)
            case "DRAFT": flags.system.insert(.draft)
            // RFC 3501 §2.3.2: clients can't change it. Some send it with APPEND: without effect.
            case "RECENT": break
            default: throw .bad("Unknown system flag")
            }
            return
        }
        let atom = try atom()
        if atom.count > Flags.maximumKeywordLength { throw .no(Refusal(code: "LIMIT", "Keyword too long")) }
        guard flags.insert(keyword: String(decoding: atom, as: UTF8.self)) else { throw .no(Refusal(code: "LIMIT", "Too many keywords")) }
    }
}

struct StoreArguments: Equatable, Sendable {
    var set: SequenceSet
    var isUID: Bool
    var operation: FlagOperation
    var isSilent: Bool
    var flags: Flags
}

extension CommandReader {
    /// RFC 3501 §6.4.6.
    mutating func store(isUID: Bool) throws(CommandError) -> StoreArguments {
        try space()
        let set = try sequenceSet()
        try space()
        var operation = FlagOperation.replace
        if skip(0x2B) { operation = .add } else if skip(0x2D) { operation = .remove }
        guard skip(word: "FLAGS") else { throw .bad("FLAGS expected") }
        let isSilent = skip(word: ".SILENT")
        try space()
        let flags = try flagList(needsParentheses: false)
        try end()
        return StoreArguments(set: set, isUID: isUID, operation: operation, isSilent: isSilent, flags: flags)
    }
}
