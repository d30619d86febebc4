import Mail

/// The evaluation of a program on one message: what was read for one key serves the next.
struct SearchEvaluation {
    /// Decoded bytes of a part that are looked at in one go.
    static let window = 262_144

    let row: MessageRow
    private var header: (bytes: [UInt8], section: HeaderSection)?
    private var envelope: (date: [UInt8]?, subject: [UInt8]?)?
    private var sentDay: Day??
    private var structure: MessageStructure??

    init(row: MessageRow) { self.row = row }

    mutating func matches<Failure: Error>(
        _ key: SearchKey, _ read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Bool {
        switch key {
        case .all: return true
        // Only a session knows these; `SearchKey.resolved` has replaced them.
        case .numbers, .uids, .recent: return false
        case .messages(let set): return set.contains(row.uid)
        case .flag(let flag): return row.flags.system.contains(flag)
        case .keyword(let keyword): return row.flags.contains(keyword: keyword)
        case .larger(let size): return row.size > size
        case .smaller(let size): return row.size < size
        // RFC 3501 §6.4.4: "disregarding time and timezone".
        case .before(let day): return row.internalDate.localDay < day
        case .on(let day): return row.internalDate.localDay == day
        case .since(let day): return row.internalDate.localDay >= day
        case .sentBefore(let day): return sent().map { $0 < day } ?? false
        case .sentOn(let day): return sent().map { $0 == day } ?? false
        case .sentSince(let day): return sent().map { $0 >= day } ?? false
        case .subject(let text): return subject().map { text.occurs(in: EncodedWord.decode($0)) } ?? false
        case .header(let name, let text): return try header(name, contains: text, read)
        case .body(let text): return try body(contains: text, withHeaders: false, read)
        case .text(let text):
            if try wholeHeader(contains: text, read) { return true }
            return try body(contains: text, withHeaders: true, read)
        case .not(let key): return try !matches(key, read)
        case .and(let keys):
            for key in keys where try !matches(key, read) { return false }
            return true
        case .or(let first, let second):
            if try matches(first, read) { return true }
            return try matches(second, read)
        }
    }

    // MARK: The envelope

    private mutating func readEnvelope() -> (date: [UInt8]?, subject: [UInt8]?) {
        if let envelope { return envelope }
        var reader = CommandReader(row.envelope)
        var found: (date: [UInt8]?, subject: [UInt8]?) = (nil, nil)
        if reader.skip(0x28) {
            do throws(CommandError) {
                found.date = try reader.nstring()
                try reader.space()
                found.subject = try reader.nstring()
            } catch {
                // An envelope that is none: as if the fields were absent.
            }
        }
        envelope = found
        return found
    }

    private mutating func subject() -> [UInt8]? { readEnvelope().subject }

    private mutating func sent() -> Day? {
        if let sentDay { return sentDay }
        let day = readEnvelope().date.flatMap { MailDate.parse($0[...]) }?.localDay
        sentDay = .some(day)
        return day
    }

    // MARK: The header

    /// The bytes of the header, and perhaps some of the body; its fields.
    private mutating func wholeHeader<Failure: Error>(
        _ read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> (bytes: [UInt8], section: HeaderSection) {
        if let header {
            // Reads nothing: asks whether to go on.
            _ = try read(0..<0)
            return header
        }
        let size = row.body.size
        var bytes: [UInt8] = []
        while bytes.count < min(size, MessageLimits.header + row.body.prefix.count) {
            let piece = try read(bytes.count..<min(size, bytes.count + 65_536))
            if piece.isEmpty { break }
            let seam = max(0, bytes.count - 3)
            bytes.append(contentsOf: piece)
            if Self.hasEmptyLine(bytes[seam...]) { break }
        }
        let parsed = (bytes, HeaderSection(parsing: bytes.span))
        header = parsed
        return parsed
    }

    private static func hasEmptyLine(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while let end = rest.firstIndex(of: 0x0A) {
            rest = rest[(end + 1)...]
            if rest.first == 0x0A || rest.starts(with: [0x0D, 0x0A]) { return true }
        }
        return false
    }

    private mutating func header<Failure: Error>(
        _ name: [UInt8], contains text: SearchText, _ read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Bool {
        let (bytes, section) = try wholeHeader(read)
        return bytes.withUnsafeBufferPointer { buffer in
            section.fields(named: name, in: buffer).contains {
                let body = unfold(buffer, $0.body)
                return text.occurs(in: EncodedWord.decode(body)) || text.occurs(inAddressesOf: name, body)
            }
        }
    }

    private mutating func wholeHeader<Failure: Error>(
        contains text: SearchText, _ read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Bool {
        let (bytes, section) = try wholeHeader(read)
        return Self.fields(of: bytes, section, contain: text)
    }

    /// Whether some field does, its name included.
    private static func fields(of header: [UInt8], _ section: HeaderSection, contain text: SearchText) -> Bool {
        header.withUnsafeBufferPointer { buffer in
            section.fields.contains { field in
                let name = String(decoding: buffer[field.name], as: UTF8.self)
                return text.occurs(in: name + ": " + EncodedWord.decode(unfold(buffer, field.body)))
            }
        }
    }

    // MARK: The body

    /// Text parts as readers see them, headers of messages within, and with `withHeaders` those of all parts.
    private mutating func body<Failure: Error>(
        contains text: SearchText, withHeaders: Bool, _ read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Bool {
        if text.folded.isEmpty { return true }
        guard let structure = decodedStructure() else { return false }
        for (index, part) in structure.parts.enumerated() {
            let isMessageWithin = part.parent.map { structure.parts[$0].kind == .message } ?? false
            if index > 0, withHeaders || isMessageWithin, !part.header.isEmpty {
                let header = try bytes(of: part.header.prefix(MessageLimits.header), read)
                if Self.fields(of: header, HeaderSection(parsing: header.span), contain: text) { return true }
            }
            guard part.kind == .leaf, part.contentType.isText || part.contentType.isType("message") else { continue }
            if try self.part(part, contains: text, read) { return true }
        }
        return false
    }

    private mutating func decodedStructure() -> MessageStructure? {
        if let structure { return structure }
        let decoded = MessageStructure(decoding: row.structure)
        structure = .some(decoded)
        return decoded
    }

    /// `range` counts in the original.
    private func bytes<Failure: Error>(
        of range: Range<Int>, _ read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [UInt8] {
        var rest = row.body.visible(range)
        var bytes: [UInt8] = []
        while !rest.isEmpty {
            let piece = try read(rest.prefix(65_536))
            if piece.isEmpty { break }
            bytes.append(contentsOf: piece)
            rest = min(rest.lowerBound + piece.count, rest.upperBound)..<rest.upperBound
        }
        return bytes
    }

    private func part<Failure: Error>(
        _ part: MessageStructure.Part, contains text: SearchText, _ read: (Range<Int>) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Bool {
        var rest = row.body.visible(part.body)
        var decoder = TransferDecoder(TransferEncoding(parsing: (part.encoding ?? [])[...]))
        let charset = part.contentType.charset
        var decoded: [UInt8] = []
        var folded: [UInt8] = []
        while true {
            let piece = rest.isEmpty ? [] : try read(rest.prefix(65_536))
            let isLast = piece.isEmpty || piece.count >= rest.count
            rest = min(rest.lowerBound + piece.count, rest.upperBound)..<rest.upperBound
            decoder.decode(piece[...], into: &decoded)
            if isLast { decoder.finish(into: &decoded) }
            guard isLast || decoded.count >= Self.window else { continue }
            // Cut at a line's end, where characters end and stateful charsets begin anew (RFC 1468).
            let end = isLast ? decoded.count : (decoded.lastIndex(of: 0x0A).map { $0 + 1 } ?? decoded.count)
            Self.fold(decoded[..<end], charset: charset, into: &folded)
            decoded.removeSubrange(..<end)
            if folded.withUnsafeBufferPointer({ text.occurs(in: $0) }) { return true }
            if isLast { return false }
            // What could begin a match that ends in the next window.
            folded.removeFirst(max(0, folded.count - (text.folded.count - 1)))
        }
    }

    private static func fold(_ bytes: ArraySlice<UInt8>, charset: String?, into folded: inout [UInt8]) {
        let isUTF8 = charset.map { ["utf-8", "us-ascii", "iso-8859-1", "windows-1252"].contains($0.lowercased()) } ?? true
        if isUTF8, bytes.allSatisfy({ $0 < 0x80 }) {
            bytes.withUnsafeBufferPointer { CaseFolding.fold($0, into: &folded) }
            return
        }
        var text = charset.map { Charset.decode(bytes, named: $0) } ?? Charset.decode(bytes)
        text.withUTF8 { CaseFolding.fold($0, into: &folded) }
    }
}
