/// Compares a reply with what a script expects, and gives new variables their values on the way.
package struct ReplyMatcher {
    package enum Outcome: Equatable, Sendable {
        case match
        /// How many arguments fitted before the first that did not: the highest is the best candidate to show.
        case mismatch(fitting: Int)
    }

    package var variables: ScriptVariables

    package init(variables: ScriptVariables) { self.variables = variables }

    /// With `prefix` the last text is compared as a beginning, and more arguments may follow.
    /// Variables that a failed attempt has set are forgotten.
    package mutating func match(_ patterns: [ReplyPattern], _ tokens: [IMAPToken], prefix: Bool = false) -> Outcome {
        let before = variables
        let outcome = arguments(patterns[...], tokens[...], prefix: prefix, exactly: true)
        if outcome != .match { variables = before }
        return outcome
    }

    private mutating func arguments(_ patterns: ArraySlice<ReplyPattern>, _ tokens: ArraySlice<IMAPToken>, prefix: Bool, exactly: Bool)
        -> Outcome
    {
        var rest = tokens
        var fitting = 0
        for (index, pattern) in zip(patterns.indices, patterns) {
            // `$]` stands for the rest of a response code.
            if pattern == .text([0x24, 0x5D]) {
                while let token = rest.first, case .atom(let bytes) = token, !bytes.contains(0x5D) { rest = rest.dropFirst() }
                rest = rest.dropFirst()
                fitting += 1
                continue
            }
            guard let token = rest.popFirst() else { return .mismatch(fitting: fitting) }
            switch (pattern, token) {
            case (.null, _):
                guard token.isNil else { return .mismatch(fitting: fitting) }
            case (.text([0x24]), .list): break
            case (.text(let expected), _):
                guard let bytes = token.bytes, text(expected, bytes, prefix: prefix && index == patterns.indices.last) else {
                    return .mismatch(fitting: fitting)
                }
            case (.list(let expected), .list(let elements)):
                if case .mismatch(let inner) = list(expected, elements) { return .mismatch(fitting: fitting + inner) }
            case (.list, _): return .mismatch(fitting: fitting)
            }
            fitting += 1
        }
        return prefix || rest.isEmpty || !exactly ? .match : .mismatch(fitting: fitting)
    }

    private mutating func list(_ pattern: ListPattern, _ tokens: [IMAPToken]) -> Outcome {
        guard pattern.isUnordered else { return arguments(pattern.elements[...], tokens[...], prefix: false, exactly: true) }
        guard tokens.count.isMultiple(of: pattern.chain) else { return .mismatch(fitting: 0) }
        let starts = Array(stride(from: 0, to: tokens.count, by: pattern.chain))
        var matched: Set<Int> = []
        var fitting = 0
        for start in stride(from: 0, to: pattern.elements.count, by: pattern.chain) {
            let chain = pattern.elements[start..<(start + pattern.chain)]
            var found = false
            for candidate in starts {
                let before = variables
                if case .match = arguments(chain, tokens[candidate..<(candidate + pattern.chain)], prefix: false, exactly: true) {
                    matched.insert(candidate)
                    found = true
                    break
                }
                variables = before
            }
            guard found else { return .mismatch(fitting: fitting) }
            fitting += 1
        }
        let extras = starts.filter { !matched.contains($0) }.map { tokens[$0] }
        let isFine: (IMAPToken) -> Bool
        if pattern.allowsExtra ?? true {
            isFine = { extra in !pattern.banned.contains { Self.names($0, extra) } }
        } else {
            isFine = { extra in pattern.ignored.contains { Self.names($0, extra) } }
        }
        return extras.allSatisfy(isFine) ? .match : .mismatch(fitting: fitting)
    }

    private static func names(_ element: [UInt8], _ token: IMAPToken) -> Bool {
        token.bytes?.elementsEqual(element, by: ASCIICase.equal) ?? false
    }

    /// A new variable takes everything up to the next octet that the script names. Text with NUL in it is compared up to
    /// the NUL, as imaptest does: the literal in its `append-binary` is an octet shorter than the size that it asks for.
    private mutating func text(_ expected: [UInt8], _ input: [UInt8], prefix: Bool) -> Bool {
        let holdsNUL = expected.contains(0)
        let pieces = ScriptPiece.pieces(of: holdsNUL ? Array(expected.prefix { $0 != 0 }) : expected)
        var rest = holdsNUL ? input.prefix { $0 != 0 } : input[...]
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .literal(let bytes):
                guard rest.prefix(bytes.count).elementsEqual(bytes, by: ASCIICase.equal) else { return false }
                rest = rest.dropFirst(bytes.count)
            case .exact(let bytes):
                guard rest.starts(with: bytes) else { return false }
                rest = rest.dropFirst(bytes.count)
            case .variable(let name):
                if let value = variables.value(of: name) {
                    guard rest.starts(with: value) else { return false }
                    rest = rest.dropFirst(value.count)
                } else {
                    guard !ScriptVariables.isSequence(name) else { return false }
                    let taken = rest.prefix(upTo: end(of: rest, next: pieces.dropFirst(index + 1).first))
                    guard variables.capture(name, Array(taken)) else { return false }
                    rest = rest.dropFirst(taken.count)
                }
            case .anything:
                rest = rest[end(of: rest, next: pieces.dropFirst(index + 1).first)...]
            }
        }
        return prefix || rest.isEmpty
    }

    private func end(of rest: ArraySlice<UInt8>, next: ScriptPiece?) -> Int {
        let first: UInt8?
        switch next {
        case .literal(let bytes), .exact(let bytes): first = bytes.first
        case .variable(let name): first = variables.value(of: name)?.first
        case .anything, nil: first = nil
        }
        guard let first else { return rest.endIndex }
        return rest.firstIndex { ASCIICase.equal($0, first) } ?? rest.endIndex
    }
}
