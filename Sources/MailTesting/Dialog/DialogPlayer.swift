package import Dialogue

/// What stands behind a session while a dialog is played: made anew for each playing.
package struct DialogWorld<Question: Sendable, Answer: Sendable> {
    package var answer: (Question) -> Answer
    /// A question as `Q:` lines write it; nil for one that they leave out.
    package var describe: (Question) -> String?
    /// An `A:` line.
    package var direct: (String) -> Void

    package init(
        answer: @escaping (Question) -> Answer, describe: @escaping (Question) -> String? = { _ in nil },
        direct: @escaping (String) -> Void = { _ in }
    ) {
        self.answer = answer
        self.describe = describe
        self.direct = direct
    }
}

extension Dialog {
    /// Plays the dialog once for each size of pieces. The result lists where the session strayed from it: empty when it
    /// never did. With `! pipelined` the client also sends everything at once, without waiting for replies.
    package func play<Session: ServerSession & ~Copyable>(
        session: (Dialog) -> Session, world: (Dialog) -> DialogWorld<Session.Question, Session.Answer>
    ) -> [String] {
        var complaints: [String] = []
        for cut in cuts {
            let played = play(blocks, cut: cut, session: session(self), world: world(self))
            complaints += played.map { "\(name), pieces of \(cut.map(String.init) ?? "all") bytes, \($0)" }
        }
        if options["pipelined"] != nil {
            let played = play([joined], cut: nil, session: session(self), world: world(self))
            complaints += played.map { "\(name), pipelined, \($0)" }
        }
        return complaints
    }

    /// All blocks without an event as one. Questions and bodies are compared only where each block tells its own.
    private var joined: Block {
        var result = Block(line: 1)
        for block in blocks where block.event == nil {
            result.input += block.input
            result.output += block.output
            result.closes = result.closes || block.closes
        }
        return result
    }

    private func play<Session: ServerSession & ~Copyable>(
        _ blocks: [Block], cut: Int?, session: consuming Session, world: DialogWorld<Session.Question, Session.Answer>
    ) -> [String] {
        var run = SessionRun(session: session, world: world)
        for block in blocks {
            for direction in block.directions { world.direct(direction) }
            run.begin(block.handshake)
            switch block.event {
            case .wake: run.session.wake()
            case .expire: run.session.expire()
            case .shutdown: run.session.shutDown()
            case .end: run.session.receiveEnd()
            case nil: break
            }
            run.pull()
            run.feed(block.input, cut: cut ?? Session.maximumReceive)
            if let complaint = run.complaint(about: block, mayTear: options["torn"] != nil) { return ["line \(block.line): \(complaint)"] }
        }
        return run.isClosed == (blocks.last?.closes ?? false) ? [] : ["at the end: closed is \(run.isClosed)"]
    }
}

/// One session that is being driven, and what it has said since `begin`.
private struct SessionRun<Session: ServerSession & ~Copyable>: ~Copyable {
    var session: Session
    let world: DialogWorld<Session.Question, Session.Answer>
    var output: [UInt8] = []
    var questions: [String] = []
    var body: [UInt8] = []
    /// What the handshake of this block gives, should one come, and whether it came.
    var handshake: Dialog.Handshake?
    var isHandshakeDone = false
    var isClosed = false

    init(session: consuming Session, world: DialogWorld<Session.Question, Session.Answer>) {
        self.session = session
        self.world = world
    }

    mutating func begin(_ handshake: Dialog.Handshake?) {
        self.handshake = handshake
        isHandshakeDone = false
        output = []
        questions = []
        body = []
    }

    mutating func feed(_ input: [UInt8], cut: Int) {
        var rest = input[...]
        while !rest.isEmpty, !isClosed, !isHandshakeDone {
            let piece = Array(rest.prefix(cut))
            rest = rest.dropFirst(cut)
            session.receive(piece.span)
            pull()
        }
    }

    mutating func pull() {
        while !isClosed {
            switch session.next() {
            case .reply(let bytes): output += bytes
            case .ask(let question):
                if let description = world.describe(question) { questions.append(description) }
                session.resume(world.answer(question))
            case .body(let bytes): body += bytes
            case .needInput: return
            case .startTLS:
                // What came behind it in the same piece the session has, and must forget; what did not come yet is no plain text any more.
                isHandshakeDone = true
                session.secured(handshake == .bound ? .bound : .plain)
            case .close: isClosed = true
            }
        }
    }

    func complaint(about block: Dialog.Block, mayTear: Bool) -> String? {
        var lines = output.split(separator: 0x0A, omittingEmptySubsequences: false).map {
            $0.last == 0x0D ? Array($0.dropLast()) : Array($0)
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        for (index, expected) in block.output.enumerated() {
            guard index < lines.count else { return "expected \"\(text(expected))\", heard nothing more" }
            if !matches(lines[index][...], pattern: expected[...]) {
                return "expected \"\(text(expected))\", heard \"\(text(lines[index]))\""
            }
        }
        if lines.count > block.output.count { return "did not expect \"\(text(lines[block.output.count]))\"" }
        if let last = output.last, last != 0x0A, !mayTear { return "the output does not end in a line end" }
        if !block.questions.isEmpty {
            guard questions.count == block.questions.count else { return "asked \(questions), expected \(block.questions)" }
            for (asked, expected) in zip(questions, block.questions)
            where !matches(Array(asked.utf8)[...], pattern: Array(expected.utf8)[...]) {
                return "asked \"\(asked)\", expected \"\(expected)\""
            }
        }
        if let expected = block.body, expected != body { return "body is \"\(text(body))\", expected \"\(text(expected))\"" }
        if isHandshakeDone != (block.handshake != nil) { return isHandshakeDone ? "did not expect TLS" : "did not start TLS" }
        if isClosed != block.closes { return isClosed ? "closed unexpectedly" : "did not close" }
        return nil
    }
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Whether a line fits a pattern in which `...` stands for any run.
func matches(_ line: ArraySlice<UInt8>, pattern: ArraySlice<UInt8>) -> Bool {
    let dots = Array("...".utf8)
    var pieces: [ArraySlice<UInt8>] = []
    var rest = pattern
    while let found = rest.indices.first(where: { rest[$0...].starts(with: dots) }) {
        pieces.append(rest[..<found])
        rest = rest[(found + 3)...]
    }
    pieces.append(rest)
    guard line.starts(with: pieces[0]) else { return false }
    if pieces.count == 1 { return line.count == pieces[0].count }
    var remaining = line.dropFirst(pieces[0].count)
    for piece in pieces[1..<(pieces.count - 1)] where !piece.isEmpty {
        guard let found = remaining.indices.first(where: { remaining[$0...].starts(with: piece) }) else { return false }
        remaining = remaining[(found + piece.count)...]
    }
    return remaining.suffix(rest.count).elementsEqual(rest)
}
