/// What readers may make of a field that is broken or says a thing twice. IMAP shows one reading (`bytes`); who looks for what hides
/// wants all.
extension Parameters {
    /// Of a field whose type is missing or broken: whatever looks like a parameter, from its beginning.
    package init(withoutType body: UnsafeBufferPointer<UInt8>) {
        var lexer = FieldLexer(body)
        self.init(&lexer)
    }

    /// All values that readers may take for the one of that name, each once: every plain one, every extended one, and of pieces (RFC 2231
    /// §3) all, and those that follow one another; where a number comes twice both, the first and the last.
    package func readings(_ name: String) -> [(value: [UInt8], charset: String?)] {
        let name = Array(name.utf8)
        var readings: [(value: [UInt8], charset: String?)] = []
        var pieces: [Piece] = []
        func add(_ reading: (value: [UInt8], charset: String?)) {
            if !readings.contains(where: { $0.value == reading.value && $0.charset == reading.charset }) { readings.append(reading) }
        }
        for parameter in list where parameter.name.count >= name.count {
            guard zip(parameter.name, name).allSatisfy({ $0.asciiLowercased == $1.asciiLowercased }) else { continue }
            let suffix = parameter.name[name.count...]
            switch Self.form(suffix) {
            case .plain: add((parameter.value, nil))
            case .whole: add(Self.decode([(0, true, parameter.value)]))
            case .piece(let number, let isExtended): pieces.append((number, isExtended, parameter.value))
            // A number that is none.
            case .other:
                if suffix.first == UInt8(ascii: "*") { add(Self.decode([(0, suffix.last == UInt8(ascii: "*"), parameter.value)])) }
            }
        }
        if pieces.isEmpty { return readings }
        // Of equal numbers, the order of the field.
        let sorted = pieces.enumerated().sorted { ($0.element.number, $0.offset) < ($1.element.number, $1.offset) }.map(\.element)
        add(Self.decode(sorted))
        for isLast in [false, true] {
            var chain: [Piece] = []
            var start = 0
            for piece in sorted {
                guard let last = chain.last else {
                    chain.append(piece)
                    continue
                }
                if last.number == piece.number {
                    if isLast { chain[chain.count - 1] = piece }
                    continue
                }
                if last.number + 1 < piece.number {
                    add(Self.decode(Array(chain[start...])))
                    start = chain.count
                }
                chain.append(piece)
            }
            add(Self.decode(Array(chain[start...])))
            add(Self.decode(chain))
        }
        return readings
    }

    /// The same for people.
    package func texts(_ name: String) -> [String] {
        readings(name).map { reading in
            reading.charset.map { Charset.decode(reading.value, named: $0) } ?? EncodedWord.decode(reading.value)
        }
    }
}

extension ContentType {
    /// All boundaries that readers may take from it, the usual one first. Not `isWhole`: there are some that can't be used.
    package var boundaries: (list: [[UInt8]], isWhole: Bool) {
        var boundaries = (list: boundary.map { [$0] } ?? [], isWhole: true)
        for reading in parameters.readings("boundary") {
            guard let boundary = Self.usable(reading.value) else {
                boundaries.isWhole = false
                continue
            }
            if !boundaries.list.contains(boundary) { boundaries.list.append(boundary) }
        }
        return boundaries
    }
}
