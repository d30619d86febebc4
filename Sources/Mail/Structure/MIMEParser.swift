/// One pass over a message: finds its parts. The rest of the work is `HeaderScanner`'s and `Delimiters`'.
///
/// `stack` holds the parts that are open, outermost first: containers, and at the top at most one leaf. A delimiter line
/// closes everything within its multipart and begins the next part; the end of the message closes all.
struct MIMEParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var parts: [MessageStructure.Part] = []
    private var stack: [Open] = []
    private var delimiters = Delimiters()
    private var position = 0
    /// LFs before `position`.
    private var lineFeeds = 0
    private var fieldRoom = MessageLimits.structureFields
    private var envelopeRoom = MessageLimits.nestedEnvelopes
    /// Lines that were looked at, however often: a measure of work.
    private(set) var linesRead = 0

    private struct Open {
        let part: Int
        /// LFs before the body.
        let lineFeeds: Int
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// `onField` gets the fields of the message's own header.
    mutating func parse(onField: (HeaderField, FieldName?) -> Void = { _, _ in }) -> MessageStructure {
        openPart(defaultType: .textPlain, onField: onField)
        while let found = nextDelimiter() { pass(found) }
        close(downTo: 0, at: bytes.count, lineFeeds: lineFeeds)
        return MessageStructure(parts: parts)
    }

    /// The same for a multipart's body that is read with another boundary than its header's first. The multipart is the first part, with an
    /// empty header.
    mutating func parse(bodyOf multipart: ContentType, boundary: [UInt8]) -> MessageStructure {
        var part = MessageStructure.Part(parent: nil, header: 0..<0, contentType: multipart)
        part.kind = .multipart
        parts.append(part)
        stack.append(Open(part: 0, lineFeeds: 0))
        delimiters.open(boundary, container: 0)
        while let found = nextDelimiter() { pass(found) }
        close(downTo: 0, at: bytes.count, lineFeeds: lineFeeds)
        return MessageStructure(parts: parts)
    }

    // MARK: Delimiters

    private struct Found {
        let match: Delimiters.Match
        let line: Int
        /// LFs before `line`.
        let lineFeeds: Int
    }

    /// Moves behind the next delimiter line, or to the end of the message.
    private mutating func nextDelimiter() -> Found? {
        guard !delimiters.isEmpty else {
            lineFeeds += countLineFeeds(bytes, position..<bytes.count)
            position = bytes.count
            return nil
        }
        while position < bytes.count {
            let line = position
            let before = lineFeeds
            linesRead += 1
            let match = delimiters.match(bytes, at: line, to: bytes.count)
            if let next = lineFeed(in: bytes, from: line, to: bytes.count) {
                lineFeeds += 1
                position = next + 1
            } else {
                position = bytes.count
            }
            if let match { return Found(match: match, line: line, lineFeeds: before) }
        }
        return nil
    }

    private mutating func pass(_ found: Found) {
        if !found.match.isClosing, parts.count >= MessageLimits.parts {
            delimiters.removeAll()
            return
        }
        let container = delimiters.boundaries[found.match.index].container
        close(downTo: container + 1, at: found.line, lineFeeds: found.lineFeeds)
        if found.match.isClosing {
            delimiters.close(found.match.index)
        } else {
            delimiters.close(found.match.index + 1)
            let multipart = parts[stack[container].part].contentType
            // RFC 2046 §5.1.5: in a digest the default is message/rfc822.
            openPart(defaultType: multipart.isSubtype("digest") ? .messageRFC822 : .textPlain)
        }
    }

    /// Ends the parts that are open at `depth` and deeper before the delimiter line at `line` (or at the message's end).
    private mutating func close(downTo depth: Int, at line: Int, lineFeeds count: Int) {
        guard depth < stack.count else { return }
        var end = line
        var ended = count
        // RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter.
        if depth > 0, end > 0, bytes[end - 1] == .lineFeed {
            end -= 1
            ended -= 1
            if end > 0, bytes[end - 1] == .carriageReturn { end -= 1 }
        }
        // A part whose header runs up to the delimiter has that line end in its header: so have those around it.
        var floor = 0
        for open in stack[depth...].reversed() {
            let start = parts[open.part].body.lowerBound
            let isWhole = floor > end
            if isWhole ? line > start : end > start {
                parts[open.part].body = start..<(isWhole ? line : end)
                parts[open.part].lines = (isWhole ? count : ended) - open.lineFeeds
            }
            floor = parts[open.part].body.upperBound
        }
        stack.removeSubrange(depth...)
    }

    // MARK: Parts

    /// Reads the header at `position` and opens its part; a message/rfc822 part opens the message within too.
    private mutating func openPart(defaultType: ContentType, onField: (HeaderField, FieldName?) -> Void = { _, _ in }) {
        var index = readHeader(defaultType: defaultType, onField: onField)
        while open(index) == .message {
            var envelope = EnvelopeFields()
            let child = readHeader(defaultType: .textPlain) { field, name in envelope.add(field, name) }
            var wire = envelope.format(bytes)
            if wire.count > envelopeRoom { wire = EnvelopeFields().format(bytes) }
            envelopeRoom -= wire.count
            parts[index].envelope = wire
            index = child
        }
    }

    /// Appends a part for the header at `position` and moves to its body.
    private mutating func readHeader(defaultType: ContentType, onField: (HeaderField, FieldName?) -> Void) -> Int {
        let start = position
        var part = MessageStructure.Part(parent: stack.last?.part, header: start..<start, contentType: defaultType)
        var room = fieldRoom
        let extent = scanHeader(bytes, from: start, to: bytes.count, delimiters: delimiters) { field in
            let name = FieldName(UnsafeBufferPointer(rebasing: bytes[field.name]))
            onField(field, name)
            guard let name, name.isMIME, field.body.count <= room else { return }
            room -= field.body.count
            part.add(name, UnsafeBufferPointer(rebasing: bytes[field.body]))
        }
        fieldRoom = room
        linesRead += extent.linesRead
        position = extent.end
        part.header = start..<position
        part.body = position..<position
        lineFeeds += countLineFeeds(bytes, part.header)
        parts.append(part)
        return parts.count - 1
    }

    /// Decides what a part is, and puts it on the stack.
    private mutating func open(_ index: Int) -> MessageStructure.Kind {
        let contentType = parts[index].contentType
        var kind = MessageStructure.Kind.leaf
        if contentType.isMultipart {
            if let boundary = contentType.boundary {
                kind = stack.count < MessageLimits.nesting ? .multipart : .leaf
                if kind == .multipart { delimiters.open(boundary, container: stack.count) }
                if kind == .leaf { parts[index].contentType = .octetStream }
            } else {
                // What cannot be taken apart is shown as it is.
                parts[index].contentType = .textPlain
            }
        } else if contentType.isMessageRFC822 {
            kind = stack.count < MessageLimits.nesting && parts.count < MessageLimits.parts ? .message : .leaf
            if kind == .leaf { parts[index].contentType = .octetStream }
        }
        parts[index].kind = kind
        stack.append(Open(part: index, lineFeeds: lineFeeds))
        return kind
    }
}

extension MessageStructure.Part {
    /// Takes what a MIME field says. Of fields that come twice the first one counts.
    fileprivate mutating func add(_ name: FieldName, _ body: UnsafeBufferPointer<UInt8>) {
        switch name {
        case .contentType:
            guard !hasContentType, let contentType = ContentType(parsing: body) else { return }
            self.contentType = contentType
            hasContentType = true
        case .contentTransferEncoding:
            guard encoding == nil else { return }
            var lexer = FieldLexer(body)
            lexer.skipBlanksAndComments()
            let token = lexer.token(stops: ";(")
            if !token.isEmpty { encoding = token }
        case .contentID: id = id ?? unfold(body, 0..<body.count)
        case .contentDescription: description = description ?? unfold(body, 0..<body.count)
        case .contentMD5: md5 = md5 ?? unfold(body, 0..<body.count)
        case .contentLocation: location = location ?? unfold(body, 0..<body.count)
        case .contentDisposition: disposition = disposition ?? ContentDisposition(parsing: body)
        case .contentLanguage:
            guard languages.isEmpty else { return }
            var lexer = FieldLexer(body)
            while !lexer.isAtEnd, languages.count < MessageLimits.languages {
                lexer.skipBlanksAndComments()
                if lexer.current == UInt8(ascii: ",") {
                    lexer.advance()
                    continue
                }
                let tag = lexer.token(stops: ",(")
                if !tag.isEmpty { languages.append(tag) }
            }
        case .date, .subject, .from, .sender, .replyTo, .to, .cc, .bcc, .inReplyTo, .messageID, .received: break
        }
    }
}
