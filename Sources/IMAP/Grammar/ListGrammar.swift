/// LIST and LSUB (RFC 3501 §6.3.8, §6.3.9) with what RFC 6154 §2 adds.
struct ListArguments: Equatable, Sendable {
    var reference: [UInt8]
    var patterns: [[UInt8]]
    var isSubscribedOnly = false
    var isSpecialUseOnly = false
    /// RETURN (SUBSCRIBED): `\Subscribed` among the attributes.
    var returnsSubscribed = false
    var isLSUB = false
}

extension CommandReader {
    mutating func list() throws(CommandError) -> ListArguments {
        try space()
        var arguments = ListArguments(reference: [], patterns: [])
        // RFC 5258 §3: selection options stand in parentheses before the reference.
        if skip(0x28) {
            for option in try options() {
                switch option {
                case "SPECIAL-USE": arguments.isSpecialUseOnly = true
                case "SUBSCRIBED":
                    arguments.isSubscribedOnly = true
                    arguments.returnsSubscribed = true
                case "REMOTE": break
                default: throw .bad("Unknown selection option")
                }
            }
            try space()
        }
        arguments.reference = try astringOrEmpty()
        try space()
        if skip(0x28) {
            repeat {
                while skip(0x20) {}
                arguments.patterns.append(try listMailbox())
                while skip(0x20) {}
            } while current != 0x29 && !isAtEnd
            try expect(0x29)
        } else {
            arguments.patterns = [try listMailbox()]
        }
        if skip(0x20), !isAtEnd {
            guard skip(word: "RETURN") else { throw .bad("Unexpected argument") }
            try space()
            try expect(0x28)
            for option in try options() {
                switch option {
                // RFC 5258 §4, RFC 6154 §2: attributes that are always said.
                case "CHILDREN", "SPECIAL-USE": break
                case "SUBSCRIBED": arguments.returnsSubscribed = true
                default: throw .bad("Unknown return option")
                }
            }
        }
        try end()
        return arguments
    }

    mutating func lsub() throws(CommandError) -> ListArguments {
        try space()
        let reference = try astringOrEmpty()
        try space()
        let pattern = try listMailbox()
        try end()
        return ListArguments(reference: reference, patterns: [pattern], isSubscribedOnly: true, isLSUB: true)
    }

    private mutating func astringOrEmpty() throws(CommandError) -> [UInt8] { try astring() }

    /// What follows an opening parenthesis, up to and with the closing one.
    private mutating func options() throws(CommandError) -> [String] {
        var options: [String] = []
        while skip(0x20) {}
        while current != 0x29 {
            options.append(try keyword())
            if !skip(0x20) { break }
        }
        try expect(0x29)
        return options
    }
}

/// RFC 3501 §6.3.10.
enum StatusItem: String, Sendable {
    case messages = "MESSAGES"
    case recent = "RECENT"
    case uidNext = "UIDNEXT"
    case uidValidity = "UIDVALIDITY"
    case unseen = "UNSEEN"
}

extension CommandReader {
    mutating func statusItems() throws(CommandError) -> [StatusItem] {
        try expect(0x28)
        var items: [StatusItem] = []
        for option in try options() {
            guard let item = StatusItem(rawValue: option) else { throw .bad("Unknown STATUS item") }
            if !items.contains(item) { items.append(item) }
        }
        if items.isEmpty { throw .bad("STATUS items expected") }
        return items
    }
}
