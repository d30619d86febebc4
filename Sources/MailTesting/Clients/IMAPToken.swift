/// One argument of an IMAP reply, as the wire showed it. Read by a tokenizer of its own that shares nothing
/// with the server's grammar, so that one mistake cannot excuse the other.
package enum IMAPToken: Sendable, Equatable, CustomStringConvertible {
    /// Anything without quotes up to a space or parenthesis: numbers, flags, `BODY[1]<0>`, the halves of `[CODE arg]`.
    case atom([UInt8])
    /// A quoted string, backslashes undone.
    case quoted([UInt8])
    /// A literal or literal8.
    case literal([UInt8])
    case list([IMAPToken])

    /// The octets of any string form; nil for a list.
    package var bytes: [UInt8]? {
        switch self {
        case .atom(let bytes), .quoted(let bytes), .literal(let bytes): bytes
        case .list: nil
        }
    }

    package var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    package var number: Int? { if case .atom = self { text.flatMap { Int($0) } } else { nil } }
    package var elements: [IMAPToken]? { if case .list(let elements) = self { elements } else { nil } }

    /// The bare word NIL; a quoted "NIL" is a string.
    package var isNil: Bool { if case .atom = self { isAtom("NIL") } else { false } }

    /// Whether this is the unquoted word, in any case.
    package func isAtom(_ word: String) -> Bool {
        if case .atom(let bytes) = self { bytes.elementsEqual(word.utf8, by: ASCIICase.equal) } else { false }
    }

    package var description: String {
        switch self {
        case .atom(let bytes): ConversationLog.printable(bytes)
        case .quoted(let bytes): "\"" + ConversationLog.printable(bytes) + "\""
        case .literal(let bytes): "{\(bytes.count)}" + ConversationLog.printable(bytes)
        case .list(let elements): "(" + elements.map(\.description).joined(separator: " ") + ")"
        }
    }
}

extension Sequence<IMAPToken> {
    package var joined: String { map(\.description).joined(separator: " ") }
}

package enum ASCIICase {
    package static func fold(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
    package static func equal(_ one: UInt8, _ other: UInt8) -> Bool { fold(one) == fold(other) }
}
