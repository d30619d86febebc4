/// The values of a script's variables while it runs.
package struct ScriptVariables: Sendable {
    package private(set) var values: [String: [UInt8]] = [:]
    /// Where `$n` is now: index n-1 holds the sequence number, nil once expunged.
    private var sequences: [Int?] = []
    private var newestModseq = (index: 0, value: 0)

    package init(_ values: [String: String] = [:]) { self.values = values.mapValues { Array($0.utf8) } }

    package subscript(name: String) -> [UInt8]? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// At the start of a group `$n` is n, for as many messages as the connection knows.
    package mutating func startSequences(count: Int) { sequences = count > 0 ? Array(1...count) : [] }

    package mutating func expunge(_ number: Int) {
        for (index, current) in sequences.enumerated() {
            guard let current, current >= number else { continue }
            sequences[index] = current == number ? nil : current - 1
        }
    }

    /// The value of a variable, or of a relative sequence; nil when it has none.
    package func value(of name: String) -> [UInt8]? {
        guard let number = Int(name) else { return values[name] }
        guard number >= 1, number <= sequences.count, let current = sequences[number - 1] else { return nil }
        return Array(String(current).utf8)
    }

    package static func isSequence(_ name: String) -> Bool { Int(name) != nil }

    /// Gives a new variable what the server said. False for a `$modseqN` that is lower than the ones before allow:
    /// each must exceed the last by at least the distance of their indices.
    package mutating func capture(_ name: String, _ bytes: [UInt8]) -> Bool {
        if name.hasPrefix("modseq"), let index = Int(name.dropFirst(6)) {
            guard let value = Int(String(decoding: bytes, as: UTF8.self)), index >= newestModseq.index,
                value >= newestModseq.value + (index - newestModseq.index)
            else { return false }
            newestModseq = (index, value)
        }
        values[name] = bytes
        return true
    }
}

/// Text of a script, cut at its variables.
package enum ScriptPiece: Sendable, Equatable {
    case literal([UInt8])
    /// `$name`, `${name}`, `$n`.
    case variable(String)
    /// `$` alone: anything.
    case anything
    /// `${case:text}`: compared with regard to case.
    case exact([UInt8])

    /// Cuts text; `$$` is a dollar sign.
    package static func pieces(of text: [UInt8]) -> [ScriptPiece] {
        var pieces: [ScriptPiece] = []
        var plain: [UInt8] = []
        var rest = text[...]
        func flush() {
            if !plain.isEmpty { pieces.append(.literal(plain)) }
            plain = []
        }
        while let byte = rest.popFirst() {
            guard byte == 0x24 else {
                plain.append(byte)
                continue
            }
            if rest.first == 0x24 {
                plain.append(0x24)
                rest.removeFirst()
                continue
            }
            flush()
            if rest.first == 0x7B, let close = rest.firstIndex(of: 0x7D) {
                let name = rest[(rest.startIndex + 1)..<close]
                rest = rest[(close + 1)...]
                if name.starts(with: "case:".utf8) {
                    pieces.append(.exact(Array(name.dropFirst(5))))
                } else {
                    pieces.append(.variable(String(decoding: name, as: UTF8.self)))
                }
            } else {
                let name = rest.prefix(while: isNamePart)
                rest = rest.dropFirst(name.count)
                pieces.append(name.isEmpty ? .anything : .variable(String(decoding: name, as: UTF8.self)))
            }
        }
        flush()
        return pieces
    }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        0x30...0x39 ~= byte || 0x61...0x7A ~= ASCIICase.fold(byte) || byte == 0x5F
    }

    /// Text to send: every variable must have a value. The name of the first one without is thrown.
    package static func expand(_ text: [UInt8], _ variables: ScriptVariables) throws(MissingVariable) -> [UInt8] {
        var result: [UInt8] = []
        for piece in pieces(of: text) {
            switch piece {
            case .literal(let bytes), .exact(let bytes): result += bytes
            case .anything: result.append(0x24)
            case .variable(let name):
                guard let value = variables.value(of: name) else { throw MissingVariable(name: name) }
                result += value
            }
        }
        return result
    }

    package struct MissingVariable: Error, Equatable {
        package let name: String

        package init(name: String) { self.name = name }
    }
}
