extension MessageStructure {
    /// The stored form: a version byte, the number of parts, then each part. Numbers are LEB128, strings have their length
    /// before them, offsets count from where the parent's body begins. A plain text message takes about 40 bytes.
    package func encoded() -> [UInt8] {
        var encoder = StructureEncoder()
        encoder.bytes.reserveCapacity(16 + parts.count * 64)
        encoder.bytes.append(structureVersion)
        encoder.append(parts.count)
        for (index, part) in parts.enumerated() { encoder.append(part, index: index, parent: part.parent.map { parts[$0] }) }
        return encoder.bytes
    }

    /// Nil for bytes that `encoded` did not write. Whatever they are: never traps, and what it returns has nested ranges.
    package init?(decoding bytes: [UInt8]) {
        let decoded = bytes.withUnsafeBufferPointer { buffer in
            var decoder = StructureDecoder(bytes: buffer)
            return decoder.parts()
        }
        guard let decoded else { return nil }
        self.init(parts: decoded)
    }
}

/// Goes up when the form changes: rows of an older form are computed again from the body.
private let structureVersion: UInt8 = 1

/// Which optional fields follow.
private struct Presence: OptionSet {
    let rawValue: Int
    static let contentType = Presence(rawValue: 1)
    static let contentTypeField = Presence(rawValue: 2)
    static let id = Presence(rawValue: 4)
    static let description = Presence(rawValue: 8)
    static let encoding = Presence(rawValue: 16)
    static let md5 = Presence(rawValue: 32)
    static let disposition = Presence(rawValue: 64)
    static let languages = Presence(rawValue: 128)
    static let location = Presence(rawValue: 256)
}

private struct StructureEncoder {
    var bytes: [UInt8] = []

    mutating func append(_ number: Int) {
        var rest = UInt64(bitPattern: Int64(number))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func append(_ string: [UInt8]) {
        append(string.count)
        bytes.append(contentsOf: string)
    }

    mutating func append(_ parameters: Parameters) {
        append(parameters.list.count)
        for parameter in parameters.list {
            append(parameter.name)
            append(parameter.value)
        }
    }

    mutating func append(_ part: MessageStructure.Part, index: Int, parent: MessageStructure.Part?) {
        bytes.append(part.kind.rawValue)
        append(part.parent.map { index - $0 } ?? 0)
        append(part.header.lowerBound - (parent?.body.lowerBound ?? 0))
        append(part.header.count)
        append(part.body.count)
        append(part.lines)
        var presence: Presence = []
        if part.contentType != .textPlain { presence.insert(.contentType) }
        if part.hasContentType { presence.insert(.contentTypeField) }
        if part.id != nil { presence.insert(.id) }
        if part.description != nil { presence.insert(.description) }
        if part.encoding != nil { presence.insert(.encoding) }
        if part.md5 != nil { presence.insert(.md5) }
        if part.disposition != nil { presence.insert(.disposition) }
        if !part.languages.isEmpty { presence.insert(.languages) }
        if part.location != nil { presence.insert(.location) }
        append(presence.rawValue)
        if presence.contains(.contentType) {
            append(part.contentType.type)
            append(part.contentType.subtype)
            append(part.contentType.parameters)
        }
        for field in [part.id, part.description, part.encoding, part.md5] {
            if let field { append(field) }
        }
        if let disposition = part.disposition {
            append(disposition.type)
            append(disposition.parameters)
        }
        if !part.languages.isEmpty {
            append(part.languages.count)
            for language in part.languages { append(language) }
        }
        if let location = part.location { append(location) }
        if part.kind == .message { append(part.envelope) }
    }
}

private struct StructureDecoder {
    /// A part whose children may still come.
    struct Ancestor {
        let part: Int
        /// Where its last child ends.
        var filled: Int
    }

    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0

    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        position += 1
        return bytes[position - 1]
    }

    /// At most 2⁵⁶ - 1, so that sums of a few do not overflow.
    mutating func number() -> Int? {
        var result = 0
        for shift in stride(from: 0, to: 56, by: 7) {
            guard let byte = byte() else { return nil }
            result |= Int(byte & 0x7F) << shift
            if byte < 0x80 { return result }
        }
        return nil
    }

    mutating func string() -> [UInt8]? {
        guard let count = number(), count <= bytes.count - position else { return nil }
        defer { position += count }
        return [UInt8](bytes[position..<(position + count)])
    }

    mutating func parameters() -> Parameters? {
        guard let count = number(), count <= MessageLimits.parameters else { return nil }
        var list: [Parameters.Parameter] = []
        list.reserveCapacity(count)
        for _ in 0..<count {
            guard let name = string(), let value = string() else { return nil }
            list.append(Parameters.Parameter(name: name, value: value))
        }
        return Parameters(list)
    }

    mutating func parts() -> [MessageStructure.Part]? {
        guard byte() == structureVersion, let count = number(), count > 0, count <= MessageLimits.parts, count <= bytes.count else {
            return nil
        }
        var parts: [MessageStructure.Part] = []
        parts.reserveCapacity(count)
        var ancestors: [Ancestor] = []
        for index in 0..<count {
            guard let part = part(index, parts: parts, ancestors: &ancestors) else { return nil }
            parts.append(part)
            ancestors.append(Ancestor(part: index, filled: part.body.lowerBound))
            guard ancestors.count <= MessageLimits.nesting + 1 else { return nil }
        }
        // A message/rfc822 part has its child right behind it.
        for (index, part) in parts.enumerated() where part.kind == .message {
            guard index + 1 < count, parts[index + 1].parent == index else { return nil }
        }
        return position == bytes.count ? parts : nil
    }

    private mutating func part(_ index: Int, parts: [MessageStructure.Part], ancestors: inout [Ancestor]) -> MessageStructure.Part? {
        guard let rawKind = byte(), let kind = MessageStructure.Kind(rawValue: rawKind), let up = number(), let gap = number(),
            let headerCount = number(), let bodyCount = number(), let lines = number(), let rawPresence = number()
        else { return nil }
        var parent: Int?
        var body = 0..<Int.max
        if index > 0 {
            let above = index - up
            guard up > 0, let depth = ancestors.lastIndex(where: { $0.part == above }) else { return nil }
            ancestors.removeSubrange((depth + 1)...)
            switch parts[above].kind {
            case .leaf: return nil
            case .message: guard up == 1 else { return nil }
            case .multipart: break
            }
            parent = above
            body = parts[above].body
        } else if up != 0 {
            return nil
        }
        guard gap + headerCount + bodyCount <= body.count, lines <= bodyCount else { return nil }
        let start = body.lowerBound + gap
        var part = MessageStructure.Part(parent: parent, header: start..<(start + headerCount), contentType: .textPlain)
        part.kind = kind
        part.body = part.header.upperBound..<(part.header.upperBound + bodyCount)
        part.lines = lines
        if let last = ancestors.indices.last {
            guard start >= ancestors[last].filled else { return nil }
            ancestors[last].filled = part.body.upperBound
        }
        return readFields(&part, Presence(rawValue: rawPresence)) ? part : nil
    }

    private mutating func readFields(_ part: inout MessageStructure.Part, _ presence: Presence) -> Bool {
        guard presence.rawValue < 512 else { return false }
        part.hasContentType = presence.contains(.contentTypeField)
        if presence.contains(.contentType) {
            guard let type = string(), let subtype = string(), let parameters = parameters() else { return false }
            part.contentType = ContentType(type: type, subtype: subtype, parameters: parameters)
        }
        if presence.contains(.id) { part.id = string() }
        if presence.contains(.description) { part.description = string() }
        if presence.contains(.encoding) { part.encoding = string() }
        if presence.contains(.md5) { part.md5 = string() }
        guard presence.contains(.id) == (part.id != nil), presence.contains(.description) == (part.description != nil),
            presence.contains(.encoding) == (part.encoding != nil), presence.contains(.md5) == (part.md5 != nil)
        else { return false }
        if presence.contains(.disposition) {
            guard let type = string(), let parameters = parameters() else { return false }
            part.disposition = ContentDisposition(type: type, parameters: parameters)
        }
        if presence.contains(.languages) {
            guard let count = number(), count > 0, count <= MessageLimits.languages else { return false }
            for _ in 0..<count {
                guard let language = string() else { return false }
                part.languages.append(language)
            }
        }
        if presence.contains(.location) {
            guard let location = string() else { return false }
            part.location = location
        }
        if part.kind == .message {
            guard let envelope = string() else { return false }
            part.envelope = envelope
        }
        return true
    }
}
