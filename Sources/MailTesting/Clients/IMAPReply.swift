/// One reply of an IMAP server: a line and the literals inside of it.
package struct IMAPReply: Sendable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        case untagged
        case tagged(String)
        /// `+`: go on with the literal or the authentication.
        case continuation
    }

    package let kind: Kind
    /// Everything behind the tag, `* ` or `+ `; literals with their `{n}` CRLF.
    package let raw: [UInt8]
    package let tokens: [IMAPToken]

    /// Reads the octets of one whole reply, without the last CRLF.
    package init(_ bytes: [UInt8]) throws(IMAPTokenizer.Malformation) {
        let word = bytes.prefix { $0 != 0x20 }
        raw = Array(bytes.dropFirst(word.count + 1))
        switch word {
        case [0x2A]: kind = .untagged
        case [0x2B]: kind = .continuation
        default: kind = .tagged(String(decoding: word, as: UTF8.self))
        }
        guard !word.isEmpty else { throw IMAPTokenizer.Malformation(offset: 0, what: "a reply without a tag") }
        switch kind {
        case .continuation: tokens = []
        case .untagged: tokens = try IMAPTokenizer.tokens(of: raw)
        case .tagged:
            guard IMAPTokenizer.isStatus(raw) else {
                throw IMAPTokenizer.Malformation(offset: 0, what: "a tagged reply without OK, NO or BAD")
            }
            tokens = try IMAPTokenizer.tokens(of: raw)
        }
    }

    /// The word that says what this is, uppercased: `OK`, `FETCH`, `EXISTS`, `LIST`.
    package var name: String { (number == nil ? tokens.first : tokens.dropFirst().first)?.text?.uppercased() ?? "" }
    /// The sequence number or count in front of EXISTS, EXPUNGE, FETCH, RECENT.
    package var number: Int? { tokens.count > 1 ? tokens.first?.number : nil }
    /// What follows the name.
    package var arguments: ArraySlice<IMAPToken> { tokens.dropFirst(number == nil ? 1 : 2) }
    package var isOK: Bool { tokens.first?.isAtom("OK") ?? false }

    /// What stands between the brackets of a status reply, e.g. `UIDVALIDITY 17`.
    package var code: String? {
        guard IMAPTokenizer.isStatus(raw), let open = raw.firstIndex(of: 0x20), open + 1 < raw.count, raw[open + 1] == 0x5B,
            let close = raw[open...].firstIndex(of: 0x5D)
        else { return nil }
        return String(decoding: raw[(open + 2)..<close], as: UTF8.self)
    }

    package var description: String { ConversationLog.printable(raw) }
}
