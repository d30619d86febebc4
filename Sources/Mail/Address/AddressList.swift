/// One mailbox of a header field (RFC 5322 §3.4), as raw bytes: what a message says need be neither an `Address` nor UTF-8.
package struct MailboxAddress: Hashable, Sendable {
    /// Unfolded, unquoted, words separated as they were; encoded words are left as they are (`EncodedWord.decode`). A comment
    /// where there is no display name (`a@b (Name)`). Nil when there is neither.
    package var displayName: [UInt8]?
    /// RFC 5322 §4.4 obs-route without its colon: `@a,@b`.
    package var route: [UInt8]?
    /// With quoting undone. Empty when it is missing (`<>`, or a display name alone).
    package var localPart: [UInt8]
    /// A literal keeps its brackets. Empty when it is missing (`From: root`).
    package var domain: [UInt8]

    package init(displayName: [UInt8]? = nil, route: [UInt8]? = nil, localPart: [UInt8], domain: [UInt8]) {
        self.displayName = displayName
        self.route = route
        self.localPart = localPart
        self.domain = domain
    }
}

package enum AddressListItem: Hashable, Sendable {
    case mailbox(MailboxAddress)
    /// The members may be none: `undisclosed-recipients:;`.
    case group(name: [UInt8], [MailboxAddress])
}

/// The address lists of header fields.
package enum AddressList {
    /// Mailboxes and groups after this many are not read: more than any sender writes, few enough for memory.
    package static let itemLimit = 20_000

    /// Reads the body of a From, To, Cc… field: RFC 5322 §3.4 with the obsolete forms of §4.4. Never fails; what is broken is read as
    /// mail readers do: a quote or comment that never ends is text, `;` separates as `,` does, a nested group is part of its outer
    /// one, a bracket that never closes ends at the comma, a missing comma between two bare addresses is supplied.
    package static func parse(_ bytes: ArraySlice<UInt8>) -> [AddressListItem] {
        bytes.withUnsafeBufferPointer { buffer in
            var parser = AddressListParser(buffer)
            parser.run()
            return parser.items
        }
    }
}

/// One pass over the bytes; each is looked at a bounded number of times.
private struct AddressListParser {
    /// A word of a phrase or local part: `content` has its quoting undone.
    private struct Word {
        var content: [UInt8]
        /// White space or a comment stands before it.
        var isSeparated: Bool
    }

    var items: [AddressListItem] = []
    private var tokens: AddressTokens
    private var count = 0
    private var words: [Word] = []
    private var comment: [UInt8]?
    private var current: MailboxAddress?
    /// `current` was written without angle brackets.
    private var isBare = false
    private var group: (name: [UInt8], members: [MailboxAddress])?

    init(_ buffer: UnsafeBufferPointer<UInt8>) {
        tokens = AddressTokens(buffer)
    }

    mutating func run() {
        while count < AddressList.itemLimit {
            switch tokens.next() {
            case .end:
                finishMailbox()
                finishGroup()
                return
            case .comment(let text):
                if !text.isEmpty { comment = text }
            case .comma: finishMailbox()
            case .semicolon:
                finishMailbox()
                finishGroup()
            case .colon: beginGroup()
            case .open:
                prepareForAngleAddress()
                current = readAngleAddress()
                isBare = false
            case .at: readBareDomain()
            case .close: continue
            case .word(let content, let isSeparated):
                words.append(Word(content: content, isSeparated: isSeparated))
            }
        }
        finishMailbox()
        finishGroup()
    }

    private mutating func prepareForAngleAddress() {
        guard let current else { return }
        if isBare {
            // `a@b <a@b>`: what looked like an address is the name of one.
            let address = current.localPart + [UInt8(ascii: "@")] + current.domain
            var name = [Word(content: address, isSeparated: true)] + words
            if let displayName = current.displayName { name.insert(Word(content: displayName, isSeparated: false), at: 0) }
            words = name
            self.current = nil
        } else {
            // `A <a@b> B <c@d>`: the words since the address belong to the next one.
            let next = words
            words.removeAll()
            finishMailbox()
            words = next
        }
    }

    private mutating func beginGroup() {
        guard group == nil, current == nil, !words.isEmpty else {
            // A colon inside of a group or behind an address: the words before it name nothing.
            if current == nil { words.removeAll() }
            return
        }
        count += 1
        group = (phrase(words[...]), [])
        words.removeAll()
        comment = nil
    }

    private mutating func finishGroup() {
        if let group { items.append(.group(name: group.name, group.members)) }
        group = nil
    }

    private mutating func finishMailbox() {
        defer {
            words.removeAll(keepingCapacity: true)
            comment = nil
            current = nil
        }
        var mailbox: MailboxAddress
        if let current {
            mailbox = current
            // `a@b Name`: words behind the address are its name when it has no other.
            if mailbox.displayName == nil, !words.isEmpty { mailbox.displayName = phrase(words[...]) }
        } else {
            guard !words.isEmpty else { return }
            // No address at all: one word is a local part without domain, several are a name.
            let start = localPartStart()
            mailbox =
                start == 0
                ? MailboxAddress(localPart: joined(words[...]), domain: [])
                : MailboxAddress(displayName: phrase(words[...]), localPart: [], domain: [])
        }
        if mailbox.displayName == nil { mailbox.displayName = comment }
        count += 1
        if group != nil { group?.members.append(mailbox) } else { items.append(.mailbox(mailbox)) }
    }

    /// `word@`: the words back to the last separation that no dot bridges are the local part, those before are its name.
    private mutating func readBareDomain() {
        if var mailbox = current {
            guard !words.isEmpty else {
                // `a@b@c`: the last @ divides.
                let domain = readDomain()
                if isBare {
                    mailbox.localPart += [UInt8(ascii: "@")] + mailbox.domain
                    mailbox.domain = domain
                    current = mailbox
                }
                return
            }
            // `a@b c@d`
            let start = localPartStart()
            let local = Array(words[start...])
            words.removeSubrange(start...)
            finishMailbox()
            words = local
        }
        let start = localPartStart()
        var mailbox = MailboxAddress(localPart: joined(words[start...]), domain: [])
        if start > 0 { mailbox.displayName = phrase(words[..<start]) }
        words.removeAll(keepingCapacity: true)
        // RFC 5322 §3.4: a comment before the address is no name of it; one behind it is, by old custom.
        comment = nil
        mailbox.domain = readDomain()
        current = mailbox
        isBare = true
    }

    /// Words of a domain as long as they hang together: `a . b` is one, `a b` is not.
    private mutating func readDomain() -> [UInt8] {
        var domain: [UInt8] = []
        while case .word(let content, let isSeparated) = tokens.peekSkippingComments(into: &comment) {
            if isSeparated, !domain.isEmpty, domain.last != UInt8(ascii: "."), content.first != UInt8(ascii: ".") { break }
            tokens.consumePeeked()
            domain += content
        }
        return domain
    }

    /// Behind `<`, to behind `>`, or to the comma, semicolon or end where there is none.
    private mutating func readAngleAddress() -> MailboxAddress {
        var mailbox = MailboxAddress(localPart: [], domain: [])
        if !words.isEmpty { mailbox.displayName = phrase(words[...]) }
        words.removeAll(keepingCapacity: true)
        var ignored: [UInt8]?
        if case .at = tokens.peekSkippingComments(into: &ignored) { mailbox.route = readRoute() }
        var hasAt = false
        var isDomainComplete = false
        while true {
            switch tokens.peekSkippingComments(into: &ignored) {
            case .end, .comma, .semicolon: return mailbox
            case .close:
                tokens.consumePeeked()
                return mailbox
            case .open, .comment: tokens.consumePeeked()
            case .colon:
                tokens.consumePeeked()
                // `<mailto:a@b>`, `<a@b:25>`: neither is part of the address.
                if hasAt { isDomainComplete = true } else { mailbox.localPart = [] }
            case .at:
                tokens.consumePeeked()
                // `<a@b@c>`: the last @ divides.
                if hasAt { mailbox.localPart += [UInt8(ascii: "@")] + mailbox.domain }
                mailbox.domain = []
                isDomainComplete = false
                hasAt = true
            case .word(let content, let isSeparated):
                tokens.consumePeeked()
                let isDot = content.first == UInt8(ascii: ".")
                if hasAt {
                    let last = mailbox.domain.last
                    if isSeparated, let last, last != UInt8(ascii: "."), !isDot { isDomainComplete = true }
                    if !isDomainComplete { mailbox.domain += content }
                } else {
                    let last = mailbox.localPart.last
                    if isSeparated, let last, last != UInt8(ascii: "."), !isDot { mailbox.localPart.append(0x20) }
                    mailbox.localPart += content
                }
            }
        }
    }

    /// RFC 5322 §4.4 obs-route: `@a,@b:`. Without its colon it was `<@domain>`, whose local part is missing.
    private mutating func readRoute() -> [UInt8]? {
        var route: [UInt8] = []
        var ignored: [UInt8]?
        while true {
            switch tokens.peekSkippingComments(into: &ignored) {
            case .at: route.append(UInt8(ascii: "@"))
            case .comma: route.append(UInt8(ascii: ","))
            case .word(let content, _): route += content
            case .colon:
                tokens.consumePeeked()
                return route
            case .end, .close, .semicolon, .open, .comment: return route
            }
            tokens.consumePeeked()
        }
    }

    /// Where the run of words begins that would be a local part.
    private func localPartStart() -> Int {
        var start = words.count - 1
        guard start >= 0 else { return 0 }
        while start > 0 {
            let isBridged =
                words[start].content.first == UInt8(ascii: ".") || words[start - 1].content.last == UInt8(ascii: ".")
            if words[start].isSeparated, !isBridged { break }
            start -= 1
        }
        return start
    }

    private func joined(_ words: ArraySlice<Word>) -> [UInt8] {
        words.reduce(into: []) { $0 += $1.content }
    }

    private func phrase(_ words: ArraySlice<Word>) -> [UInt8] {
        var text: [UInt8] = []
        for word in words {
            if word.isSeparated, !text.isEmpty { text.append(0x20) }
            text += word.content
        }
        return text
    }
}
