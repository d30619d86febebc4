import Dialogue
import MailTesting
import Testing

/// Says every line back; asks about `ask` lines; closes at `bye`.
private struct Echo: ~Copyable, ServerSession {
    var buffer = LineBuffer()
    var answered: [UInt8]?
    var isClosed = false

    static var failure: [UInt8] { [] }
    mutating func receive(_ bytes: Span<UInt8>) { buffer.append(bytes) }
    mutating func receiveEnd() { isClosed = true }
    mutating func resume(_ answer: [UInt8]) { answered = answer }
    mutating func expire() { isClosed = true }
    mutating func shutDown() { isClosed = true }

    mutating func next() -> Step<String> {
        if let answer = answered {
            answered = nil
            return .reply(answer + [13, 10])
        }
        if isClosed { return .close }
        guard let feed = buffer.nextLineFeed() else { return .needInput(Patience(.seconds(1))) }
        let line = Array(buffer.bytes.prefix(feed + 1))
        buffer.consume(feed + 1)
        if line.starts(with: "ask".utf8) { return .ask("asked") }
        if line.starts(with: "body".utf8) { return .body(line) }
        if line.starts(with: "bye".utf8) {
            isClosed = true
            return .reply(Array("bye\r\n".utf8))
        }
        return .reply(line)
    }
}

private func complaints(_ text: String) throws -> [String] {
    try Dialog(name: "echo", text: Array(text.utf8)).play(
        session: { _ in Echo() },
        world: { _ in DialogWorld(answer: { Array($0.utf8) }, describe: { $0 }) }
    )
}

struct DialogTests {
    @Test(arguments: [
        "C: hello\nS: hello\n",
        "! pipelined\nC: one\nS: one\nC: two\nS: t...\n",
        "C* 3 x\nS* 3 ...\nC: bye\nS: bye\nX\n",
        "C: ask\nQ: ask...\nS: asked\n",
        "C- body\\x41\\r\\n\nB: bodyA\\r\\n\n",
        "E: expire\nX\n",
    ])
    func goodDialogs(text: String) throws {
        #expect(try complaints(text).isEmpty)
    }

    @Test(arguments: [
        "C: hello\nS: hell\n",
        "C: hello\nS: hello\nS: hello\n",
        "C: hello\nC: more\nS: hello\n",
        "C: ask\nQ: other\nS: asked\n",
        "C- body\\r\\n\nB: bod\\r\\n\n",
        "C: bye\nS: bye\n",
        "C: hello\nS: hello\nX\n",
        "C: abc\nS: a...d\n",
    ])
    func strayingSessionsAreSeen(text: String) throws {
        #expect(try !complaints(text).isEmpty)
    }

    @Test(arguments: ["?: x", "C* x", "E: dance", "C- \\q", "B: \\x4"])
    func brokenFiles(text: String) {
        #expect(throws: DialogError.self) { try Dialog(name: "broken", text: Array(text.utf8)) }
    }
}

struct SessionFuzzerTests {
    private func fuzzer(held: Int, answer: @escaping (String) -> [UInt8]) -> SessionFuzzer<Echo> {
        SessionFuzzer(
            seeds: [Array("hello\r\nask\r\nbody\r\nbye\r\n".utf8)], session: { _ in Echo() }, answer: { question, _ in answer(question) },
            heldBytes: { $0.buffer.count }, maximumHeldBytes: held)
    }

    @Test func findsABreach() {
        let result = fuzzer(held: 100) { Array($0.utf8) }.run(for: .seconds(1))
        // Echo keeps whatever has no line end, and says back lines that end in LF alone.
        #expect(result.complaint != nil)
    }

    @Test func theSameRunComesOutTheSame() {
        let fuzzer = fuzzer(held: 100) { Array($0.utf8) }
        #expect((0..<200).map { fuzzer.run(only: $0) } == (0..<200).map { fuzzer.run(only: $0) })
    }
}
