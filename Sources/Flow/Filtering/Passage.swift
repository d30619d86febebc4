import Mail

/// What the fields that this server wrote before a message in a mailbox tell of how it came there. Whatever a stranger wrote stands
/// behind our Received.
struct Passage: Sendable, Equatable {
    /// Whether an administrator let it out of the quarantine.
    private(set) var isReleased = false
    /// The reverse-path; empty: the null one, or none is known.
    private(set) var sender = ""
    /// As in the trace; empty where none is known.
    private(set) var peer = ""
    private(set) var queueID = ""

    init(reading prefix: [UInt8]) {
        prefix.withUnsafeBufferPointer { bytes in
            for field in HeaderSection(parsing: bytes).fields {
                if field.isNamed("x-quarantine-release".utf8, in: bytes) { isReleased = true }
                if field.isNamed("return-path".utf8, in: bytes), sender.isEmpty {
                    sender = String(decoding: bytes[field.body].drop { $0 == UInt8(ascii: "<") }, as: UTF8.self)
                    if sender.hasSuffix(">") { sender.removeLast() }
                }
                guard field.isNamed("received".utf8, in: bytes) else { continue }
                read(received: String(decoding: unfold(bytes, field.body), as: UTF8.self))
                return
            }
        }
    }

    /// As `TraceHeader` writes it: `from NAME ([LITERAL])… by HOST with TYPE id QUEUEID`.
    private mutating func read(received text: String) {
        let words = text.split { $0 == " " || $0 == "\t" }
        if words.count > 2, words[2].hasPrefix("(["), words[2].hasSuffix("])") {
            let literal = words[2].dropFirst(2).dropLast(2)
            peer = String(literal.hasPrefix("IPv6:") ? literal.dropFirst(5) : literal)
        }
        // Behind what says of the encryption, which has a `with` of its own.
        if let by = words.firstIndex(of: "by"), words.count > by + 5, words[by + 4] == "id" { queueID = String(words[by + 5]) }
    }
}
