import Mail

/// How recipients see a message's own header: without the fields that only this server may write, whoever put them there, and
/// perhaps with a tagged subject. The stored original stays as it came: what changes stands before it, up to the last changed field,
/// and that range of the original is hidden.
struct HeaderView: Sendable {
    /// What one recipient sees in the place of the beginning of the original.
    struct Seen: Sendable, Equatable {
        var head: [UInt8] = []
        var hidden: Range<Int>?
        /// Empty: the original's.
        var envelope: [UInt8] = []
    }

    /// Bytes that are written anew at most for all recipients together, since they stand in the index for each of them. A message whose
    /// forged fields would take more is stored without them; a subject that lies too deep is not tagged.
    static let limit = 1 << 20

    /// Names, or their beginnings where a hyphen ends them, in lower case.
    private static let ours = [
        "x-spam-", "x-buzon-", "x-amavis-", "x-virus-scanned", "x-quarantine-id", "x-quarantine-release",
    ]

    private(set) var forged: [Range<Int>] = []
    private let room: Int
    /// More than one is a defect that readers settle differently: each is tagged.
    private var subjects: [(field: Range<Int>, body: Range<Int>)] = []
    private var hasHeader = false
    /// The header section, as far as it may be written anew; all of it for the ENVELOPE.
    private var header: [UInt8] = []

    /// `recipients`: how many see it so.
    init(reading bytes: UnsafeBufferPointer<UInt8>, recipients: Int = 1) {
        room = Self.limit / max(1, recipients)
        let section = HeaderSection(parsing: bytes)
        hasHeader = section.end > 0
        for field in section.fields {
            if Self.isOurs(field, bytes) {
                forged.append(field.range)
            } else if field.isNamed("subject".utf8, in: bytes) {
                subjects.append((field.range, field.body))
            }
        }
        header = Array(bytes[..<section.end])
    }

    private static func isOurs(_ field: HeaderField, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard field.name.count >= 8, bytes[field.name.lowerBound] | 0x20 == UInt8(ascii: "x") else { return false }
        let name = String(decoding: bytes[field.name].prefix(32), as: UTF8.self).asciiLowercased
        return ours.contains { $0.hasSuffix("-") ? name.hasPrefix($0) : name == $0 }
    }

    /// Whether the index has no room for what recipients are to see in the place of forged fields.
    var isTooDeep: Bool { (forged.last?.upperBound ?? 0) > room }

    /// `tag`: put before the subject; empty: the subject stays.
    func seen(tag: String) -> Seen {
        let seen = view(tag)
        // An ENVELOPE of his own stands in the index for each recipient as well.
        return seen.envelope.count > room ? view("") : seen
    }

    private func view(_ tag: String) -> Seen {
        var changes = forged.map { (range: $0, text: [UInt8]()) }
        var added: [UInt8] = []
        if !tag.isEmpty {
            for subject in subjects where subject.field.upperBound <= room && !isTagged(subject.body, tag) {
                changes.append((subject.field, tagged(subject.body, tag)))
            }
            changes.sort { $0.range.lowerBound < $1.range.lowerBound }
            if subjects.isEmpty { added = field(tag, then: []) }
        }
        var seen = Seen(head: added)
        guard let last = changes.last else {
            if !added.isEmpty { seen.envelope = envelope(added + header) }
            return seen
        }
        var position = 0
        for change in changes {
            seen.head += header[position..<change.range.lowerBound] + change.text
            position = change.range.upperBound
        }
        seen.hidden = 0..<last.range.upperBound
        if !tag.isEmpty { seen.envelope = envelope(seen.head + header[last.range.upperBound...]) }
        return seen
    }

    /// The first field of this name, decoded, for lists.
    func text(of name: String) -> String {
        header.withUnsafeBufferPointer { bytes in
            guard let field = HeaderSection(parsing: bytes).fields(named: name.utf8, in: bytes).first else { return "" }
            return EncodedWord.decode(unfold(bytes, field.body)).prefix(scalars: 200)
        }
    }

    /// Another server of ours, or a forwarding, may have done it.
    private func isTagged(_ body: Range<Int>, _ tag: String) -> Bool {
        EncodedWord.decode(unfold(header[body])).hasPrefix(tag)
    }

    private func tagged(_ body: Range<Int>, _ tag: String) -> [UInt8] { field(tag, then: Array(header[body])) }

    /// RFC 5322 §2.1.1: a line that would grow beyond 78 characters is folded behind the tag.
    private func field(_ tag: String, then body: [UInt8]) -> [UInt8] {
        // A tag that ends in blanks brings its own.
        let name = Array("Subject: ".utf8) + EncodedWord.encode(String(tag.reversed().drop { $0 == " " }.reversed()))
        guard !body.isEmpty else { return name + [0x0D, 0x0A] }
        let first = body.firstIndex(of: 0x0D) ?? body.count
        return name + (name.count + 1 + first > 78 ? [0x0D, 0x0A, 0x20] : [0x20]) + body + [0x0D, 0x0A]
    }

    private func envelope(_ header: [UInt8]) -> [UInt8] {
        header.withUnsafeBufferPointer { MessageSummary.summarise($0).envelope }
    }
}
