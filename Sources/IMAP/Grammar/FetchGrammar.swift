import Mail

/// One thing that FETCH asks for (RFC 3501 §6.4.5).
enum FetchItem: Equatable, Sendable {
    case flags, internalDate, size, uid, envelope, body, bodyStructure
    case section(BodySection)

    /// Names of header fields that it selects by.
    var headerNames: Int {
        if case .section(let section) = self, case .fields(let names, _) = section.content { names.count } else { 0 }
    }
}

/// `BODY[…]`, and RFC822 with its kin, which are other names for it.
struct BodySection: Equatable, Sendable {
    enum Content: Equatable, Sendable {
        case everything, header, text, mime
        /// Field names in capitals. `isInverted` is HEADER.FIELDS.NOT.
        case fields([[UInt8]], isInverted: Bool)
    }

    var path: [Int]
    var content: Content
    /// Where the answer begins, and how many bytes at most.
    var partial: (offset: Int, count: Int)?
    var isPeek: Bool
    /// What precedes the value in the answer: `BODY[1.TEXT]<0>`.
    var label: [UInt8]

    static func == (left: BodySection, right: BodySection) -> Bool { left.label == right.label && left.isPeek == right.isPeek }
}

struct FetchArguments: Equatable, Sendable {
    var set: SequenceSet
    var isUID: Bool
    var items: [FetchItem]
}

extension CommandReader {
    mutating func fetch(isUID: Bool, limits: Limits) throws(CommandError) -> FetchArguments {
        try space()
        let set = try sequenceSet()
        try space()
        var items: [FetchItem] = []
        var names = 0
        if skip(0x28) {
            repeat {
                items.append(contentsOf: try fetchItem())
                if items.count > limits.fetchItems { throw .bad("Too many items") }
                names += items.last?.headerNames ?? 0
                if names > limits.fetchHeaderNames { throw .no(Refusal(code: "LIMIT", "Too many header fields")) }
                while skip(0x20) {}
            } while current != 0x29 && !isAtEnd
            try expect(0x29)
        } else {
            items = try fetchItem(allowsMacros: true)
        }
        try end()
        // RFC 3501 §6.4.8: every answer to UID FETCH carries the UID.
        if isUID, !items.contains(.uid) { items.insert(.uid, at: 0) }
        return FetchArguments(set: set, isUID: isUID, items: items)
    }

    private mutating func fetchItem(allowsMacros: Bool = false) throws(CommandError) -> [FetchItem] {
        let start = index
        while let byte = current, isAtomByte(byte), byte != 0x5B { index += 1 }
        let name = String(decoding: bytes[start..<index].map(upperCased), as: UTF8.self)
        switch name {
        case "FLAGS": return [.flags]
        case "INTERNALDATE": return [.internalDate]
        case "RFC822.SIZE": return [.size]
        case "UID": return [.uid]
        case "ENVELOPE": return [.envelope]
        case "BODYSTRUCTURE": return [.bodyStructure]
        case "RFC822": return [.section(BodySection(path: [], content: .everything, isPeek: false, label: Array(name.utf8)))]
        case "RFC822.HEADER": return [.section(BodySection(path: [], content: .header, isPeek: true, label: Array(name.utf8)))]
        case "RFC822.TEXT": return [.section(BodySection(path: [], content: .text, isPeek: false, label: Array(name.utf8)))]
        case "BODY":
            if current != 0x5B { return [.body] }
            return [.section(try section(isPeek: false))]
        case "BODY.PEEK": return [.section(try section(isPeek: true))]
        case "ALL" where allowsMacros: return [.flags, .internalDate, .size, .envelope]
        case "FAST" where allowsMacros: return [.flags, .internalDate, .size]
        case "FULL" where allowsMacros: return [.flags, .internalDate, .size, .envelope, .body]
        default: throw .bad("Unknown FETCH item")
        }
    }

    /// RFC 3501 §9 `section` and what follows it.
    private mutating func section(isPeek: Bool) throws(CommandError) -> BodySection {
        try expect(0x5B)
        var label = Array("BODY[".utf8)
        var path: [Int] = []
        while let byte = current, byte >= 0x30, byte <= 0x39 {
            let number = try number()
            if number == 0 { throw .bad("Part numbers begin with 1") }
            if path.count == BodySection.maximumDepth { throw .bad("Section too deep") }
            path.append(Int(number))
            label.append(contentsOf: "\(number)".utf8)
            guard skip(0x2E) else { break }
            label.append(0x2E)
            if current == 0x5D { throw .bad("Section expected") }
        }
        var content = BodySection.Content.everything
        if current != 0x5D {
            if let last = label.last, last != 0x5B, last != 0x2E { throw .bad("Bad section") }
            content = try sectionText(hasPath: !path.isEmpty, label: &label)
        }
        try expect(0x5D)
        label.append(0x5D)
        var section = BodySection(path: path, content: content, isPeek: isPeek, label: label)
        if skip(0x3C) {
            let offset = try number()
            try expect(0x2E)
            let count = try number()
            // RFC 3501 §9: the count is an nz-number.
            if count == 0 { throw .bad("Bad partial range") }
            try expect(0x3E)
            section.partial = (Int(offset), Int(count))
            section.label.append(contentsOf: "<\(offset)>".utf8)
        }
        return section
    }

    private mutating func sectionText(hasPath: Bool, label: inout [UInt8]) throws(CommandError) -> BodySection.Content {
        let start = index
        while let byte = current, isAtomByte(byte) { index += 1 }
        let name = bytes[start..<index].map(upperCased)
        label.append(contentsOf: name)
        switch String(decoding: name, as: UTF8.self) {
        case "HEADER": return .header
        case "TEXT": return .text
        case "MIME" where hasPath: return .mime
        case "HEADER.FIELDS": return .fields(try headerList(label: &label), isInverted: false)
        case "HEADER.FIELDS.NOT": return .fields(try headerList(label: &label), isInverted: true)
        default: throw .bad("Unknown section")
        }
    }

    private mutating func headerList(label: inout [UInt8]) throws(CommandError) -> [[UInt8]] {
        try space()
        try expect(0x28)
        label.append(contentsOf: " (".utf8)
        var names: [[UInt8]] = []
        repeat {
            while skip(0x20) {}
            let name = try astring()
            if !names.isEmpty { label.append(0x20) }
            var spelt = ResponseBuffer()
            spelt.append(astring: name)
            label.append(contentsOf: spelt.bytes)
            names.append(name.map(upperCased))
            if names.count > BodySection.maximumFields { throw .bad("Too many header fields") }
            while skip(0x20) {}
        } while current != 0x29 && !isAtEnd
        try expect(0x29)
        label.append(0x29)
        return names
    }
}

extension BodySection {
    /// Part numbers in one section: more than `Mail` nests parts.
    static let maximumDepth = 128
    /// Names in one HEADER.FIELDS.
    static let maximumFields = 250
}
