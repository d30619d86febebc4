extension MessageStructure {
    /// What of a part BODY[…] asks for (RFC 3501 §6.4.5). HEADER.FIELDS and HEADER.FIELDS.NOT select fields from the same
    /// range as HEADER.
    package enum SectionText: Sendable, Hashable {
        case header, text, mime
    }

    /// Where a section lies.
    package struct Section: Sendable, Hashable {
        /// Bytes of the original.
        package let range: Range<Int>
        /// Whether the trace fields before the original (`BodyReference.prefix`) belong to it, in front of `range`.
        package let hasPrefix: Bool
        /// Index of the part in `parts`.
        package let part: Int
    }

    /// The section of BODY[numbers.text], nil when the message has no such section.
    ///
    /// - `[]`, nil: the whole message. `[]`, `.header` and `[]`, `.text`: its halves.
    /// - `[1]` of a message that is no multipart is its body (RFC 3501 §6.4.5: "every message has at least one part number").
    /// - Numbers descend into message/rfc822: `[2, 1]` is the first part of the message within part 2.
    /// - `.header` and `.text` behind numbers need a message/rfc822 part. `.mime` needs numbers.
    package func section(_ numbers: [Int], _ text: SectionText? = nil) -> Section? {
        guard let message = parts.first else { return nil }
        if numbers.isEmpty {
            switch text {
            case nil: return Section(range: message.header.lowerBound..<message.body.upperBound, hasPrefix: true, part: 0)
            case .header: return Section(range: message.header, hasPrefix: true, part: 0)
            case .text: return Section(range: message.body, hasPrefix: false, part: 0)
            case .mime: return nil
            }
        }
        guard let index = index(of: numbers) else { return nil }
        let part = parts[index]
        switch text {
        case nil: return Section(range: part.body, hasPrefix: false, part: index)
        case .mime: return Section(range: part.header, hasPrefix: index == 0, part: index)
        case .header:
            guard part.kind == .message, index + 1 < parts.count else { return nil }
            return Section(range: parts[index + 1].header, hasPrefix: false, part: index)
        case .text:
            guard part.kind == .message, index + 1 < parts.count else { return nil }
            return Section(range: parts[index + 1].body, hasPrefix: false, part: index)
        }
    }

    /// The index in `parts` of a part number such as 1.2; nil when there is none. `numbers` must not be empty.
    package func index(of numbers: [Int]) -> Int? {
        var index = 0
        for (depth, number) in numbers.enumerated() {
            guard number > 0 else { return nil }
            // A number behind a message/rfc822 part counts within the message there.
            if depth > 0 {
                guard parts[index].kind != .leaf else { return nil }
                if parts[index].kind == .message { index += 1 }
            }
            guard parts.indices.contains(index) else { return nil }
            if parts[index].kind == .multipart {
                guard let child = child(number, of: index) else { return nil }
                index = child
            } else if number != 1 {
                return nil
            }
        }
        return numbers.isEmpty ? nil : index
    }

    private func child(_ number: Int, of index: Int) -> Int? {
        var remaining = number
        var next = index + 1
        while next < parts.count, let parent = parts[next].parent, parent >= index {
            if parent == index {
                remaining -= 1
                if remaining == 0 { return next }
            }
            next += 1
        }
        return nil
    }
}
