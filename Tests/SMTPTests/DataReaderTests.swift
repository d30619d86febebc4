import MailTesting
import Testing

@testable import SMTP

struct DataReaderTests {
    /// RFC 5321 §4.5.2, one octet after the other, with the whole input in view: slow and plain.
    private func reference(_ input: [UInt8]) -> (content: [UInt8]?, used: Int, isAtEnd: Bool, bare: Bool) {
        var content: [UInt8] = []
        var isAtLineStart = true
        var index = 0
        var bare = false
        while index < input.count {
            if isAtLineStart, input[index] == 0x2E {
                if input[index...].starts(with: [0x2E, 0x0D, 0x0A]) { return (bare ? nil : content, index + 3, true, bare) }
                index += 1
                isAtLineStart = false
                continue
            }
            let byte = input[index]
            let endsLine = byte == 0x0A && index > 0 && input[index - 1] == 0x0D
            if byte == 0x0A, !endsLine { bare = true }
            if byte == 0x0D, index + 1 < input.count, input[index + 1] != 0x0A { bare = true }
            content.append(byte)
            isAtLineStart = endsLine
            index += 1
        }
        return (bare ? nil : content, index, false, bare)
    }

    private func read(_ input: [UInt8], cut: Int) -> (content: [UInt8]?, used: Int, isAtEnd: Bool, bare: Bool) {
        var reader = DataReader(maximumSize: .max)
        var content: [UInt8] = []
        var used = 0
        while used < input.count, !reader.isAtEnd {
            let step = input[used..<min(input.count, used + cut)].withUnsafeBufferPointer { reader.read($0) }
            content += step.content
            used += step.used
        }
        return (reader.defect == nil ? content : nil, used, reader.isAtEnd, reader.defect != nil)
    }

    @Test func agreesWithThePlainReading() {
        var random = SplitMix(state: 7)
        let alphabet = Array("\r\n..ab\r\n".utf8)
        for _ in 0..<20_000 {
            var input: [UInt8] = []
            for _ in 0..<random.next(below: 16) {
                if random.next(below: 2) == 0 { input += [0x0D, 0x0A] } else { input.append(alphabet[random.next(below: alphabet.count)]) }
            }
            // A CR or a dot that waits for its successor is judged when that comes.
            input += Array("x\r\n.\r\n".utf8)
            let expected = reference(input)
            for cut in [1, 2, 3, 5, 100] {
                let heard = read(input, cut: cut)
                #expect(heard.used == expected.used && heard.isAtEnd == expected.isAtEnd, "\(input) in pieces of \(cut)")
                #expect(heard.bare == expected.bare && heard.content == expected.content, "\(input) in pieces of \(cut)")
            }
        }
    }

    @Test(arguments: [
        ("x", DataReader.SupposedEnd.none), ("x\r\n", .none), (".", .none), ("x\r\n.", .none), ("x\r\n.\r", .half), (".\r", .half),
        (".\n", .wrong), ("x\n.\n", .wrong), ("x\n.\r", .wrong), ("x\n.\r\n", .wrong), ("x\r.\r", .wrong), ("x\r.\r\n", .wrong),
        ("x\r\n.\n", .wrong), ("x\r\n..\r\n", .none), ("x\r\n..\n", .none), ("x.\n", .none), ("x\n.\n\n", .wrong), ("\r\n.\r\r", .wrong),
        ("x\n.y\n", .none),
    ])
    func supposedEnds(input: String, expected: DataReader.SupposedEnd) {
        for cut in [1, 2, 100] {
            var reader = DataReader(maximumSize: 100)
            var rest = Array(input.utf8)[...]
            while !rest.isEmpty {
                _ = rest.prefix(cut).withUnsafeBufferPointer { reader.read($0) }
                rest = rest.dropFirst(cut)
            }
            #expect(reader.supposedEnd == expected)
        }
    }

    @Test func sizeCountsContent() {
        var reader = DataReader(maximumSize: 5)
        _ = Array("..\r\na\r\n".utf8).withUnsafeBufferPointer { reader.read($0) }
        #expect(reader.defect == .tooLarge)
        reader = DataReader(maximumSize: 6)
        let (used, content) = Array("..\r\na\r\n.\r\nNOOP\r\n".utf8).withUnsafeBufferPointer { reader.read($0) }
        #expect(reader.defect == nil && reader.isAtEnd && reader.size == 6)
        #expect(content == Array(".\r\na\r\n".utf8) && used == 10)
    }
}
