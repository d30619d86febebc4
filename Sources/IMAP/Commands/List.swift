import Mail

/// LIST or LSUB in progress.
struct Listing {
    var lines: [(name: String, attributes: [String])]
    var patterns: [MailboxPatterns]
    var isLSUB: Bool
    var completion: Completion
    var next = 0
}

/// LIST and LSUB.
extension MailboxSession {
    mutating func list(_ arguments: consuming ListArguments, _ completion: consuming Completion) throws(CommandError) {
        if !arguments.isLSUB, arguments.patterns == [[]] {
            // RFC 3501 §6.3.8: an empty pattern asks for the delimiter and the root of the reference.
            output.append("* LIST (\\Noselect) \"/\" \"\"\r\n")
            complete(completion)
            return
        }
        ask(.mailboxes, .mailboxes(arguments, completion))
    }

    mutating func proceedList(_ arguments: ListArguments, _ completion: consuming Completion, _ answer: consuming Answer) {
        guard case .mailboxes(let entries) = answer else {
            refuse(completion, answer)
            return
        }
        let patterns = arguments.patterns.compactMap { MailboxPatterns(wire(arguments.reference + $0)) }
        guard patterns.count == arguments.patterns.count else {
            completion.status = Self.status(of: Refusal(code: "LIMIT", "Pattern too long"))
            complete(completion)
            return
        }
        phase = .listing(
            Listing(
                lines: MailboxLevels(entries).lines(arguments), patterns: patterns, isLSUB: arguments.isLSUB, completion: completion))
    }

    /// Says lines until enough has been said or looked at.
    mutating func advanceListing(_ listing: consuming Listing) {
        while listing.next < listing.lines.count {
            if isStepFull {
                phase = .listing(listing)
                return
            }
            let line = listing.lines[listing.next]
            listing.next += 1
            let name = ModifiedUTF7.encode(line.name)
            effort += name.count * listing.patterns.count
            guard listing.patterns.contains(where: { $0.matches(name) }) else { continue }
            output.append(listing.isLSUB ? "* LSUB (" : "* LIST (")
            output.append(text: line.attributes.joined(separator: " "))
            output.append(") \"/\" ")
            output.append(astring: name)
            output.crlf()
        }
        complete(listing.completion)
    }

    /// Patterns in UTF-8, which some clients send, become what names are compared in.
    private func wire(_ pattern: [UInt8]) -> [UInt8] {
        guard pattern.contains(where: { $0 >= 0x80 }), let text = String(validating: pattern, as: UTF8.self) else { return pattern }
        return ModifiedUTF7.encode(text)
    }
}

/// The mailboxes of a user with the levels above them that were never created.
struct MailboxLevels {
    private struct Level {
        var entry: MailboxEntry?
        var hasChildren = false
        var hasSubscribedBelow = false
    }

    private var levels: [String: Level] = [:]
    private var names: [String] = []

    init(_ entries: [MailboxEntry]) {
        for entry in entries { levels[entry.name, default: Level()].entry = entry }
        for entry in entries {
            var name = entry.name[...]
            while let separator = name.utf8.lastIndex(of: MailboxName.separator) {
                name = name[..<separator]
                let above = String(name)
                var level = levels[above] ?? Level()
                let isKnown = (level.hasChildren || !entry.exists) && (level.hasSubscribedBelow || !entry.isSubscribed)
                if entry.exists { level.hasChildren = true }
                if entry.isSubscribed { level.hasSubscribedBelow = true }
                levels[above] = level
                if isKnown { break }
            }
        }
        // INBOX first, as people look for it; then by name.
        names = levels.keys.sorted { left, right in
            if (left == "INBOX") != (right == "INBOX") { return left == "INBOX" }
            return left.utf8.lexicographicallyPrecedes(right.utf8)
        }
    }

    func lines(_ arguments: ListArguments) -> [(name: String, attributes: [String])] {
        names.compactMap { name in
            guard let level = levels[name] else { return nil }
            let exists = level.entry?.exists ?? false
            let isSubscribed = level.entry?.isSubscribed ?? false
            var attributes: [String] = []
            if arguments.isLSUB {
                // RFC 3501 §6.3.9: a level above subscribed names that is itself not subscribed is \Noselect. It is listed
                // where % stops at it; * reaches what lies below anyway.
                if !isSubscribed {
                    guard level.hasSubscribedBelow, !arguments.patterns.contains(where: { $0.last == 0x2A }) else { return nil }
                    return (name, ["\\Noselect"])
                }
                return (name, exists ? [] : ["\\Noselect"])
            }
            if arguments.isSubscribedOnly, !isSubscribed { return nil }
            if arguments.isSpecialUseOnly, level.entry?.specialUse == nil || !exists { return nil }
            if !exists {
                if arguments.isSubscribedOnly {
                    attributes.append("\\NonExistent")
                } else if level.hasChildren {
                    attributes.append("\\Noselect")
                } else {
                    return nil
                }
            }
            // RFC 3348 §3.
            attributes.append(level.hasChildren ? "\\HasChildren" : "\\HasNoChildren")
            if exists, let entry = level.entry {
                if entry.isMarked { attributes.append("\\Marked") }
                if let use = entry.specialUse { attributes.append(use) }
            }
            if arguments.returnsSubscribed, isSubscribed { attributes.append("\\Subscribed") }
            return (name, attributes)
        }
    }
}
