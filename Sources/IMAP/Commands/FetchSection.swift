import Dialogue
import Mail

/// BODY[…]: where its bytes are, and how they are said.
extension MailboxSession {
    /// Says the section when nothing must be read for it. False: `fetch.reading` says what must be.
    mutating func begin(_ section: BodySection, at place: Int, _ fetch: inout Fetch) -> Bool {
        let row = fetch.rows[fetch.row]
        guard let range = range(of: section, row, &fetch) else {
            say(section, at: place)
            output.append("NIL")
            return true
        }
        if case .fields(let names, let isInverted) = section.content {
            let range = range.prefix(limits.header + row.body.prefix.count)
            guard let header = fetch.header, header.range == range else {
                if range.isEmpty {
                    fetch.header = FetchedHeader(range: range, bytes: [])
                    return begin(section, at: place, &fetch)
                }
                fetch.reading = Fetch.Reading(rest: range, announces: nil, isHeader: true, whole: range)
                return false
            }
            effort += range.count
            let selected = header.selecting(names, isInverted: isInverted)
            let part = section.cut(0..<selected.count)
            say(section, at: place)
            output.append(literal: part.count)
            output.append(selected[part])
            return true
        }
        let cut = section.cut(range)
        if cut.isEmpty {
            say(section, at: place)
            output.append("\"\"")
            return true
        }
        fetch.reading = Fetch.Reading(rest: cut, announces: place, isHeader: false, whole: cut)
        return false
    }

    private mutating func say(_ section: BodySection, at place: Int) {
        separate(place)
        output.append(section.label)
        output.append(0x20)
    }

    /// Asks for the next piece.
    mutating func readMore(_ fetch: consuming Fetch) {
        guard let reading = fetch.reading else {
            phase = .fetching(fetch)
            return
        }
        let piece = reading.rest.prefix(Self.maximumReceive)
        ask(.read(fetch.rows[fetch.row].body, piece), .bytes(fetch))
    }

    mutating func proceedBytes(_ fetch: consuming Fetch, _ answer: consuming Answer) {
        guard var reading = take(&fetch.reading), let place = fetch.item, case .section(let section) = fetch.arguments.items[place]
        else {
            refuse(fetch.completion, Self.failure)
            return
        }
        let expected = reading.rest.prefix(Self.maximumReceive)
        guard case .bytes(let bytes) = answer, bytes.count == expected.count else {
            fetch.failed = true
            if !reading.isHeader, reading.announces == nil {
                // The literal's length has been promised: there is no way to say that it stops here.
                output = ResponseBuffer()
                sayNothingMore()
                return
            }
            say(section, at: place)
            output.append("NIL")
            fetch.item = place + 1
            phase = .fetching(fetch)
            return
        }
        reading.rest = expected.upperBound..<reading.rest.upperBound
        if reading.isHeader {
            if reading.bytes.isEmpty { reading.bytes = bytes } else { reading.bytes.append(contentsOf: bytes) }
            if reading.rest.isEmpty {
                fetch.header = FetchedHeader(range: reading.whole, bytes: reading.bytes)
                phase = .fetching(fetch)
                return
            }
        } else {
            if reading.announces != nil {
                say(section, at: place)
                output.append(literal: reading.whole.count)
                reading.announces = nil
            }
            output.append(bytes)
            if reading.rest.isEmpty {
                fetch.item = place + 1
                phase = .fetching(fetch)
                return
            }
        }
        fetch.reading = reading
        readMore(fetch)
    }

    /// In the concatenation that readers see.
    private mutating func range(of section: BodySection, _ row: MessageRow, _ fetch: inout Fetch) -> Range<Int>? {
        if section.path.isEmpty, section.content == .everything { return 0..<row.body.size }
        if fetch.structure == nil { fetch.structure = MessageStructure(decoding: row.structure) }
        effort += row.structure.count
        guard let structure = fetch.structure else { return nil }
        let text: MessageStructure.SectionText?
        switch section.content {
        case .everything: text = nil
        case .header, .fields: text = .header
        case .text: text = .text
        case .mime: text = .mime
        }
        return structure.section(section.path, text).map { row.body.visible($0) }
    }
}

extension BodySection {
    /// RFC 3501 §6.4.5: a partial range beyond the end is cut or empty, never an error.
    func cut(_ range: Range<Int>) -> Range<Int> {
        guard let partial else { return range }
        let start = range.lowerBound + min(partial.offset, range.count)
        return start..<(start + min(partial.count, range.upperBound - start))
    }
}

extension BodyReference {
    /// Where a section of the original lies in the concatenation.
    func visible(_ section: MessageStructure.Section) -> Range<Int> {
        section.hasPrefix ? 0..<visible(section.range.upperBound) : visible(section.range)
    }

    /// Where a range of the original lies.
    func visible(_ range: Range<Int>) -> Range<Int> {
        let end = visible(range.upperBound)
        return min(visible(range.lowerBound), end)..<end
    }

    private func visible(_ offset: Int) -> Int {
        let offset = min(max(0, offset), length)
        guard let hidden else { return prefix.count + offset }
        if offset <= hidden.lowerBound { return prefix.count + offset }
        return prefix.count + max(hidden.lowerBound, offset - hidden.count)
    }
}

extension Range<Int> {
    func prefix(_ limit: Int) -> Range<Int> { lowerBound..<(lowerBound + Swift.min(limit, count)) }
}
