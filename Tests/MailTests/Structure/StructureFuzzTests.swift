import Testing

@testable import Mail

/// Messages and stored structures that nobody sane wrote, the same in every run.
@Suite struct StructureFuzzTests {
    /// Pieces that reach the branches of the parser; random bytes alone stay in the first header.
    static let pieces = [
        "Content-Type: multipart/mixed; boundary=b\r\n", "Content-Type: multipart/digest; boundary=\"bb\"\n",
        "content-type: message/rfc822\r\n",
        "Content-Type : text/plain; charset=\"utf-8\"; name*0*=utf-8''%C3; name*1=x\r\n", "Content-Type: multipart/x; boundary=b--\r\n",
        "--b\r\n", "--b--\r\n", "--bb\n", "--bb--\n", "--b \r\n", "--", "\r\n", "\n", "\r", "\0", " ", "stray\r\n", "From x\r\n",
        "Subject: \u{e9}\r\n",
        "From: \"a\\\"\" <a@b>, g: c@d;\r\n", "To: ((((\r\n", "Content-Disposition: attachment; filename=\"x\r\n",
        "Content-Language: a,b,,c\r\n",
        "Content-Transfer-Encoding: base64\r\n", "Content-ID: <\\\">\r\n", "QUJD\r\n", ":\r\n", "Received: x\r\n\ty\r\n",
    ].map { Array($0.utf8) }

    /// What must hold of every message.
    static func check(_ message: [UInt8]) {
        message.withUnsafeBufferPointer { buffer in
            var parser = MIMEParser(buffer)
            let structure = parser.parse()
            let lines = message.count { $0 == 10 } + 1
            // Each line is read as body and as header once, and at most once more by the look-ahead of each header around it.
            var depths: [Int] = []
            for part in structure.parts { depths.append(part.parent.map { depths[$0] + 1 } ?? 1) }
            #expect(parser.linesRead <= ((depths.max() ?? 0) + 3) * lines + 2 * structure.parts.count)
            checkRanges(structure, message.count)
            let encoded = structure.encoded()
            #expect(MessageStructure(decoding: encoded) == structure)
            for extended in [false, true] { #expect(isBalanced(structure.bodyStructure(extended: extended))) }
            let summary = MessageSummary.summarise(buffer)
            #expect(summary.structure == encoded)
            #expect(isBalanced(summary.envelope))
            #expect(summary.headerEnd == structure.parts[0].header.upperBound)
            #expect(HeaderSection(parsing: buffer).end == summary.headerEnd)
            for index in structure.parts.indices { _ = structure.text(of: index, in: buffer, limit: 1000) }
            for numbers in [[1], [2], [1, 1], [1, 2], [2, 1], [1, 1, 1]] {
                for text in [nil, .mime, .header, .text] as [MessageStructure.SectionText?] {
                    if let section = structure.section(numbers, text) { #expect(section.range.upperBound <= message.count) }
                }
            }
        }
    }

    static func checkRanges(_ structure: MessageStructure, _ count: Int) {
        #expect(structure.parts[0].header.lowerBound == 0)
        #expect(structure.parts[0].body.upperBound == count)
        var filled = structure.parts.map(\.body.lowerBound)
        for part in structure.parts {
            #expect(part.header.upperBound == part.body.lowerBound)
            #expect(part.body.upperBound <= count)
            guard let parent = part.parent else { continue }
            #expect(part.header.lowerBound >= filled[parent])
            #expect(part.body.upperBound <= structure.parts[parent].body.upperBound)
            filled[parent] = part.body.upperBound
        }
    }

    /// Whether wire text is one parenthesized list with whole strings and literals and nothing that IMAP forbids.
    static func isBalanced(_ wire: [UInt8]) -> Bool {
        var depth = 0
        var index = 0
        while index < wire.count {
            let byte = wire[index]
            index += 1
            switch byte {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
                if depth == 0 { return index == wire.count }
            case UInt8(ascii: "\""):
                while index < wire.count, wire[index] != UInt8(ascii: "\"") {
                    if wire[index] == UInt8(ascii: "\\") { index += 1 }
                    guard index < wire.count, wire[index] < 0x80, ![0, 10, 13].contains(wire[index]) else { return false }
                    index += 1
                }
                index += 1
            case UInt8(ascii: "{"):
                var count = 0
                while index < wire.count, wire[index].isASCIIDigit {
                    count = count * 10 + Int(wire[index] - 48)
                    index += 1
                }
                guard wire[index...].starts(with: "}\r\n".utf8), index + 3 + count <= wire.count else { return false }
                guard !wire[(index + 3)..<(index + 3 + count)].contains(0) else { return false }
                index += 3 + count
            default:
                // NIL, numbers and the blanks between.
                guard byte == 32 || byte.isASCIIDigit || "NIL".utf8.contains(byte) else { return false }
            }
        }
        return false
    }

    @Test(arguments: 0..<8)
    func anyPieces(seed: Int) {
        var noise = Noise(seed: UInt64(seed))
        for _ in 0..<300 {
            var message: [UInt8] = []
            for _ in 0..<Int.random(in: 0...60, using: &noise) {
                if Int.random(in: 0..<20, using: &noise) == 0 {
                    message.append(UInt8.random(in: 0...255, using: &noise))
                } else {
                    message += Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &noise)]
                }
            }
            Self.check(message)
        }
    }

    @Test(.enabled(if: Corpora.has("mime"), "corpora/mime is absent"), arguments: GoldenTests.files)
    func mutatedMessages(file: String) throws {
        let original = try Corpora.bytes(file)
        var noise = Noise(seed: UInt64(original.count))
        Self.check(original)
        for _ in 0..<40 {
            var message = original
            for _ in 0..<Int.random(in: 1...8, using: &noise) {
                let place = Int.random(in: 0..<max(1, message.count), using: &noise)
                switch Int.random(in: 0..<4, using: &noise) {
                case 0: message[place] = UInt8.random(in: 0...255, using: &noise)
                case 1: message.removeSubrange(place..<min(message.count, place + Int.random(in: 0...40, using: &noise)))
                case 2: message.insert(contentsOf: Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &noise)], at: place)
                default: message.removeSubrange(place...)
                }
                if message.isEmpty { break }
            }
            Self.check(message)
        }
    }

    /// Stored bytes that were damaged: nil, or a structure whose ranges are nested.
    @Test(arguments: 0..<8)
    func damagedEncodings(seed: Int) {
        var noise = Noise(seed: UInt64(seed) + 100)
        for _ in 0..<500 {
            var message: [UInt8] = []
            for _ in 0..<30 { message += Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &noise)] }
            var encoded = MessageStructure(parsing: message.span).encoded()
            for _ in 0..<Int.random(in: 1...3, using: &noise) {
                encoded[Int.random(in: 0..<encoded.count, using: &noise)] = UInt8.random(in: 0...255, using: &noise)
            }
            if Bool.random(using: &noise) { encoded.removeLast(Int.random(in: 0..<encoded.count, using: &noise)) }
            guard let decoded = MessageStructure(decoding: encoded) else { continue }
            _ = decoded.bodyStructure(extended: true)
            _ = decoded.section([1, 2, 1], .header)
            message.withUnsafeBufferPointer { buffer in
                for index in decoded.parts.indices { _ = decoded.text(of: index, in: buffer, limit: 100) }
                decoded.visitTexts(in: buffer) { _ in true }
            }
            var filled = decoded.parts.map(\.body.lowerBound)
            for part in decoded.parts {
                guard let parent = part.parent else { continue }
                #expect(part.header.lowerBound >= filled[parent])
                #expect(part.body.upperBound <= decoded.parts[parent].body.upperBound)
                filled[parent] = part.body.upperBound
            }
        }
    }

    @Test(arguments: 0..<4)
    func garbageEncodings(seed: Int) {
        var noise = Noise(seed: UInt64(seed) + 200)
        for _ in 0..<2000 {
            let garbage = [1] + noise.bytes(upTo: 60, of: [0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF])
            if let decoded = MessageStructure(decoding: garbage) { _ = decoded.bodyStructure(extended: true) }
        }
        #expect(MessageStructure(decoding: []) == nil)
        #expect(MessageStructure(decoding: [2]) == nil)
        var trailing = MessageStructure(parsing: [UInt8]().span).encoded()
        #expect(MessageStructure(decoding: trailing) != nil)
        trailing.append(0)
        #expect(MessageStructure(decoding: trailing) == nil)
    }

    /// Work grows with size, not faster, on what would make a careless parser go back again and again.
    @Test(arguments: [
        "stray\n", "A: b\nstray\n", "Content-Type: multipart/mixed; boundary=b\nstray\n--b\n", "--b\n", "--b\nA: b\nstray\n", "--b--\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n", "Content-Type: message/rfc822\n\n", "A: b\n", "A:\n b\n", "\n", "--\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\nstray\n",
    ])
    func workIsLinear(piece: String) {
        let start = Array("Content-Type: multipart/digest; boundary=b\n\n--b\n\n".utf8)
        var work: [Int] = []
        for repetitions in [2000, 8000] {
            let message = start + Array(String(repeating: piece, count: repetitions).utf8)
            message.withUnsafeBufferPointer { buffer in
                var parser = MIMEParser(buffer)
                _ = parser.parse()
                work.append(parser.linesRead)
            }
        }
        #expect(work[1] <= 5 * work[0])
    }
}
