import Filter
import Glibc
import Mail

extension Walk {
    /// A message and all its parts. `place` lies within it.
    func message(_ content: UnsafeRawBufferPointer, _ place: Place) {
        let bytes = content.bindMemory(to: UInt8.self)
        parts(MessageStructure(parsing: bytes), bytes, place)
    }

    /// All parts; without the first one where that was told already, which was read with that boundary.
    func parts(_ structure: MessageStructure, _ bytes: UnsafeBufferPointer<UInt8>, _ place: Place, told: [UInt8]? = nil) {
        // Beyond this, fields of parts were passed over.
        if structure.parts.reduce(0, { $0 + $1.header.count }) >= MessageLimits.structureFields { reach(.size) }
        var places = [place]
        places.reserveCapacity(structure.parts.count)
        var nesting = [0]
        for (index, part) in structure.parts.enumerated() {
            guard goesOn() else { return }
            if let parent = part.parent {
                nesting.append(nesting[parent] + 1)
                places.append(places[parent])
            }
            if index == 0, let told {
                behindTheEnd(index, of: structure, in: bytes, told, place)
                continue
            }
            let description = PartDescription(part, bytes)
            if description.isIncomplete { reach(.size) }
            // What lies deeper was not taken apart.
            if part.kind == .leaf, nesting[index] >= MessageLimits.nesting { reach(.depth) }
            if part.kind == .leaf {
                leaf(index, of: structure, in: bytes, description, places[index])
                otherReadings(index, of: structure, in: bytes, description, places[index])
                continue
            }
            let here = places[index]
            tell(description, kind: part.kind == .message ? .mail : nil, in: here)
            guard part.kind == .message else {
                otherReadings(index, of: structure, in: bytes, description, here)
                continue
            }
            places[index] = here.within(description.names.first ?? "")
            guard mayOpen(here) else { continue }
            // RFC 2046 §5.2.1 allows no encoding here; readers undo it all the same.
            if let encoding = part.encoding.map({ TransferEncoding(parsing: $0[...]) }), encoding.changesBytes {
                decoded(part.body, encoding, in: bytes) { message($0, places[index]) }
            }
        }
        // Those that were found are told first.
        if structure.parts.count >= MessageLimits.parts { reach(.files) }
    }

    private func tell(_ description: PartDescription, kind: ContentKind?, in place: Place) {
        let names = description.names.isEmpty ? [""] : description.names
        let types = description.types
        for turn in 0..<max(names.count, types.count) {
            let name = names[min(turn, names.count - 1)]
            tell(NamedPart(path: place.path + [name], contentType: types[min(turn, types.count - 1)], kind: kind))
        }
    }

    private func leaf(
        _ index: Int, of structure: MessageStructure, in bytes: UnsafeBufferPointer<UInt8>, _ description: PartDescription, _ place: Place
    ) {
        let part = structure.parts[index]
        let encoding = part.transferEncoding
        var description = description
        if encoding == .uuencode {
            encodedNames(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[part.body]))) { description.add($0) }
        }
        let names = description.names.isEmpty ? [""] : description.names
        decoded(part.body, encoding, in: bytes) { content in
            let kind = ContentKind(of: content)
            tell(description, kind: kind, in: place)
            let isMessage = part.contentType.isType("message")
            if takesFiles, !description.isRunningText(encoding) { take(content, isMessage: isMessage || kind == .mail) }
            if description.isUnsplit { note(unopened: place.path + [names[0].isEmpty ? description.types[0] : names[0]]) }
            if description.types.contains(where: { $0 == "message/rfc822" || $0 == "message/global" || $0 == "message/news" }) {
                if mayOpen(place) { message(content, place.within(names[0])) }
            } else if kind == .mail, names[0].isEmpty, description.types[0].hasPrefix("text/") {
                // A quotation.
                encodedFiles(content, named: "", in: place)
            } else {
                open(content, kind, names: names, contentType: description.types[0], in: place)
                // What a text begins with is no matter to those who look for files in it.
                if !kind.isText, !kind.isNamed("uue"), description.types.contains(where: { $0.hasPrefix("text/") }) {
                    encodedFiles(content, named: names[0], in: place)
                }
            }
        }
    }

    /// The body with its encoding undone. One that has none is not copied.
    private func decoded(
        _ range: Range<Int>, _ encoding: TransferEncoding, in bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        guard encoding.changesBytes else { return body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[range]))) }
        hold { buffer in
            var decoder = TransferDecoder(encoding)
            var output: [UInt8] = []
            output.reserveCapacity(min(range.count, 1 << 16))
            var rest = range
            var isWhole = true
            while !rest.isEmpty, isWhole, goesOn() {
                let chunk = rest.prefix(1 << 16)
                rest = rest.dropFirst(chunk.count)
                output.removeAll(keepingCapacity: true)
                decoder.decode([UInt8](bytes[chunk])[...], into: &output)
                if rest.isEmpty { decoder.finish(into: &output) }
                isWhole = output.withUnsafeBytes { buffer.append($0) }
            }
            // The beginning still says what it is.
            if !isWhole { reach(.size) }
            with(buffer, body)
        }
    }
}

/// What a part's header says about names and types, in all its fields: readers differ in which of two they believe.
struct PartDescription {
    /// Different ones, without empty ones.
    private(set) var names: [String] = []
    /// Lower case, never empty.
    private(set) var types: [String] = []
    /// Something was too much to be read.
    private(set) var isIncomplete = false
    /// A multipart whose parts were not found.
    private(set) var isUnsplit = false
    /// A disposition that is not `inline`.
    private(set) var isAttachment = false
    /// Multiparts in the order of the fields, with all their boundaries.
    private(set) var multiparts: [(type: ContentType, boundaries: (list: [[UInt8]], isWhole: Bool))] = []

    /// Names and types of one part.
    private static let limit = 8

    init(_ part: MessageStructure.Part, _ bytes: UnsafeBufferPointer<UInt8>) {
        let header = UnsafeBufferPointer(rebasing: bytes[part.header])
        var foundTypes: [ContentType] = []
        for field in HeaderSection(parsing: header).fields where field.name.count > 11 && field.name.count < 20 {
            let body = UnsafeBufferPointer(rebasing: header[field.body])
            if header[field.name].isCaseInsensitivelyEqual(toLowercase: "content-type") {
                guard let type = ContentType(parsing: body) else {
                    add(Parameters(withoutType: body))
                    continue
                }
                foundTypes.append(type)
                add(type.parameters)
                // `name=a/b.exe`: no type.
                if (type.type + type.subtype).contains(UInt8(ascii: "=")) { add(Parameters(withoutType: body)) }
                if type.isMultipart {
                    multiparts.append((type, type.boundaries))
                    if part.kind == .leaf { isUnsplit = true }
                }
            } else if header[field.name].isCaseInsensitivelyEqual(toLowercase: "content-disposition") {
                // With its type or without.
                add(Parameters(withoutType: body))
                if ContentDisposition(parsing: body)?.isAttachment != false { isAttachment = true }
            }
        }
        for type in foundTypes.isEmpty ? [part.contentType] : foundTypes { add(type) }
        // A header that was given up before its empty line.
        let reach = part.header.count + part.body.count
        if reach > MessageLimits.header, !Self.endsInEmptyLine(header) { isIncomplete = true }
    }

    private static func endsInEmptyLine(_ header: UnsafeBufferPointer<UInt8>) -> Bool {
        var end = header.count
        for _ in 0..<2 {
            guard end > 0, header[end - 1] == 10 else { return end == 0 && header.count > 0 }
            end -= 1
            if end > 0, header[end - 1] == 13 { end -= 1 }
        }
        return true
    }

    private mutating func add(_ type: ContentType) {
        let name = String(decoding: (type.type + [UInt8(ascii: "/")] + type.subtype).map(\.asciiLowercased), as: UTF8.self)
        if types.count < Self.limit { if !types.contains(name) { types.append(name) } } else { isIncomplete = true }
    }

    private mutating func add(_ parameters: Parameters) {
        if parameters.list.isEmpty { return }
        if parameters.list.count >= MessageLimits.parameters { isIncomplete = true }
        for name in ["filename", "name"] {
            add(parameters.text(name))
            // An old reader takes a plain value beside an extended one; of two, some the first and some the last.
            for text in parameters.texts(name) { add(text) }
        }
    }

    /// A text as mail programs show it in the message, by every field: of an encoding that hides nothing, without a name.
    func isRunningText(_ encoding: TransferEncoding) -> Bool {
        switch encoding {
        case .sevenBit, .eightBit, .binary, .quotedPrintable, .unknown: break
        case .base64, .uuencode: return false
        }
        return names.isEmpty && !isAttachment && types.allSatisfy { $0 == "text/plain" || $0 == "text/html" }
    }

    mutating func add(_ name: String?) {
        guard var name, !name.isEmpty else { return }
        if name.utf8.count > 4096 {
            name = String(decoding: name.utf8.prefix(2048), as: UTF8.self) + String(decoding: name.utf8.suffix(2048), as: UTF8.self)
        }
        guard !names.contains(name) else { return }
        if names.count < Self.limit { names.append(name) } else { isIncomplete = true }
    }
}
