extension MessageStructure {
    /// What BODY (`extended == false`) or BODYSTRUCTURE says (RFC 3501 §7.4.2), as it goes on the wire, parentheses
    /// included. Case of types and parameters is as given; sizes count bytes as stored.
    package func bodyStructure(extended: Bool) -> [UInt8] {
        var writer = BodyStructureWriter(structure: self, isExtended: extended)
        writer.wire.reserveCapacity(parts.count * 128)
        writer.writePart()
        return writer.wire
    }
}

private struct BodyStructureWriter {
    let structure: MessageStructure
    let isExtended: Bool
    var wire: [UInt8] = []
    var index = 0
    private var joinable = MessageLimits.continuations

    init(structure: MessageStructure, isExtended: Bool) {
        self.structure = structure
        self.isExtended = isExtended
    }

    /// Writes the part at `index` and moves behind its descendants. Recursion is bounded by `MessageLimits.nesting`.
    mutating func writePart() {
        guard index < structure.parts.count else { return }
        let own = index
        let part = structure.parts[own]
        index += 1
        wire.append(UInt8(ascii: "("))
        switch part.kind {
        case .multipart:
            let first = index
            while index < structure.parts.count, structure.parts[index].parent == own { writePart() }
            // RFC 3501 §9 body-type-mpart = 1*body: a multipart without parts gets one that is empty, as Dovecot does.
            if index == first { wire.append("(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0)") }
            wire.append(UInt8.space)
            wire.appendString(part.contentType.subtype)
            if isExtended {
                wire.append(UInt8.space)
                write(part.contentType.parameters, isText: false)
                writeExtension(part)
            }
        case .message:
            writeFields(part)
            wire.append(UInt8.space)
            wire.append(contentsOf: part.envelope)
            wire.append(UInt8.space)
            writePart()
            wire.append(UInt8.space)
            wire.appendDecimal(part.lines)
            writeLeafExtension(part)
        case .leaf:
            writeFields(part)
            if part.contentType.isText {
                wire.append(UInt8.space)
                wire.appendDecimal(part.lines)
            }
            writeLeafExtension(part)
        }
        wire.append(UInt8(ascii: ")"))
    }

    private mutating func writeFields(_ part: MessageStructure.Part) {
        wire.appendString(part.contentType.type)
        wire.append(UInt8.space)
        wire.appendString(part.contentType.subtype)
        wire.append(UInt8.space)
        write(part.contentType.parameters, isText: part.contentType.isText)
        wire.append(UInt8.space)
        wire.appendNString(part.id)
        wire.append(UInt8.space)
        wire.appendNString(part.description)
        wire.append(UInt8.space)
        // RFC 2045 §6.1: 7bit is the default.
        if let encoding = part.encoding { wire.appendString(encoding) } else { wire.append("\"7bit\"") }
        wire.append(UInt8.space)
        wire.appendDecimal(part.body.count)
    }

    private mutating func writeLeafExtension(_ part: MessageStructure.Part) {
        guard isExtended else { return }
        wire.append(UInt8.space)
        wire.appendNString(part.md5)
        writeExtension(part)
    }

    /// Disposition, language and location.
    private mutating func writeExtension(_ part: MessageStructure.Part) {
        if let disposition = part.disposition {
            wire.append(" (")
            wire.appendString(disposition.type)
            wire.append(UInt8.space)
            write(disposition.parameters, isText: false)
            wire.append(UInt8(ascii: ")"))
        } else {
            wire.append(" NIL")
        }
        if part.languages.isEmpty {
            wire.append(" NIL")
        } else {
            wire.append(" (")
            for (position, language) in part.languages.enumerated() {
                if position > 0 { wire.append(UInt8.space) }
                wire.appendString(language)
            }
            wire.append(UInt8(ascii: ")"))
        }
        wire.append(UInt8.space)
        wire.appendNString(part.location)
    }

    /// RFC 2045 §5.2: text without a charset is US-ASCII; Dovecot says so, and clients count on it.
    private mutating func write(_ parameters: Parameters, isText: Bool) {
        let parameters = Parameters(parameters.joined(&joinable))
        let needsCharset = isText && parameters.raw("charset") == nil && parameters.raw("charset*") == nil
        guard needsCharset || !parameters.list.isEmpty else {
            wire.append("NIL")
            return
        }
        wire.append(UInt8(ascii: "("))
        for (position, parameter) in parameters.list.enumerated() {
            if position > 0 { wire.append(UInt8.space) }
            wire.appendString(parameter.name)
            wire.append(UInt8.space)
            wire.appendString(parameter.value)
        }
        if needsCharset {
            if !parameters.list.isEmpty { wire.append(UInt8.space) }
            wire.append("\"charset\" \"us-ascii\"")
        }
        wire.append(UInt8(ascii: ")"))
    }
}
