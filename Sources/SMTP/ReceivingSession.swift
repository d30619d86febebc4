package import Dialogue
import Mail

/// The server's side of an SMTP connection.
package struct ReceivingSession: ~Copyable, ServerSession {
    /// What the next octets are.
    enum State: Sendable {
        /// The banner has not been said.
        case greeting
        case command
        /// The rest of a line that was too long, and what it gets: so many octets of it are gone.
        case skippingLine(Int, Reply)
        /// The client's next line in a SASL exchange (RFC 4954 §4).
        case response
        /// `.startTLS` was said, `secured` has not come. What arrives is nobody's.
        case handshake
        case data(DataReader)
        /// A chunk that is wanted: octets that have not come.
        case chunk(remaining: Int, isLast: Bool)
        /// A chunk that is not wanted, and the reply that it gets when it is over; nil: the reply depends on `refusal`.
        case skippingChunk(remaining: Int, Refused)
        /// All is said, but for the queue.
        case closing
        case closed
    }

    /// What a chunk that is not wanted gets: the session's own refusal, which is noted, or the outside's.
    enum Refused: Sendable {
        case own(Reply, reason: String)
        /// A CR or LF stood alone in it.
        case dirty(reason: String)
        case outside(Reply)
    }

    /// The question that is open.
    enum Awaited: Sendable {
        case nothing
        case note
        case discard
        case sender(ReversePath, MailParameters)
        case recipient(ForwardPath, RecipientParameters)
        case data
        case chunk(size: Int, isLast: Bool)
        case delivery
        case flush
        case authentication
    }

    /// What is to be done before the next octets are looked at, in order.
    enum Act: Sendable {
        case say([UInt8])
        case ask(Question, Awaited)
        case startTLS
        case close
    }

    let configuration: Configuration
    var connection: Connection
    var buffer = LineBuffer()
    var state = State.greeting
    var greeting = Greeting.none
    /// Who logged in, folded.
    var login: String?
    var exchange = Exchange.none
    var awaited = Awaited.nothing
    private var acts: [Act] = []
    private var nextAct = 0
    /// A spool is open for this session.
    var hasSpool = false
    private var hasEnded = false
    private(set) var isGoingDown = false
    var errors = 0
    var refusals = 0
    var idleCommands = 0
    var transactions = 0
    var failedLogins = 0
    /// AUTH came, and nobody is logged in since: what comes may be names and passwords, whatever AUTH was answered.
    var maySendSecrets = false
    private var notes = 0

    package init(configuration: Configuration, connection: Connection) {
        self.configuration = configuration
        self.connection = connection
    }

    package static var failure: Answer { .refused(.unexpected) }

    /// Octets held, for tests of the limits.
    package var heldBytes: Int { buffer.count }

    package mutating func receive(_ bytes: Span<UInt8>) {
        switch state {
        case .handshake, .closing, .closed: break
        case .greeting, .command, .skippingLine, .response, .data, .chunk, .skippingChunk: buffer.append(bytes)
        }
    }

    package mutating func receiveEnd() { hasEnded = true }

    package mutating func shutDown() { isGoingDown = true }

    package mutating func expire() {
        switch state {
        case .closing, .closed: return
        case .data(let reader) where reader.supposedEnd == .half: return refuseWrongEnd()
        case .greeting, .command, .skippingLine, .response, .handshake, .data, .chunk, .skippingChunk: break
        }
        if exchange.envelope != nil { note(.timedOut, "the peer was silent for too long", "", about: .content) }
        // RFC 5321 §4.5.3.2, §3.8: 421, then close.
        finish(.timedOut)
    }

    package mutating func next() -> Step<Question> {
        while true {
            if nextAct < acts.count {
                let act = acts[nextAct]
                nextAct += 1
                if nextAct == acts.count {
                    acts.removeAll(keepingCapacity: true)
                    nextAct = 0
                }
                switch act {
                case .say(let bytes): return .reply(bytes)
                case .ask(let question, let awaited):
                    self.awaited = awaited
                    return .ask(question)
                case .startTLS: return .startTLS
                case .close: state = .closed
                }
            }
            if let step = advance() { return step }
        }
    }

    /// One move. nil when there is more to do: acts, or octets of another kind.
    private mutating func advance() -> Step<Question>? {
        switch state {
        case .greeting:
            if isGoingDown {
                finish(.shuttingDown)
                return nil
            }
            state = .command
            return .reply(configuration.banner)
        case .command: return nextCommand()
        case .skippingLine(let skipped, let reply): return skipLine(skipped, reply)
        case .response: return nextResponse()
        case .data(let reader): return readData(reader)
        case .chunk(let remaining, let isLast): return readChunk(remaining, isLast: isLast)
        case .skippingChunk(let remaining, let refused): return skipChunk(remaining, refused)
        // A handshake that failed leaves nothing to talk over.
        case .handshake, .closing, .closed: return .close
        }
    }

    private mutating func nextCommand() -> Step<Question>? {
        if isGoingDown, !isWithinChunks {
            // RFC 5321 §3.8: a server that must go says 421.
            finish(.shuttingDown)
            return nil
        }
        switch takeLine(limit: configuration.limits.commandLine) {
        case .none: return wait(configuration.limits.commandTimeout, isRenewedByBytes: false)
        case .endless(let skipped):
            // It may have been AUTH.
            maySendSecrets = true
            state = .skippingLine(skipped, .lineTooLong)
        case .bare(let line): refuseBare(nameToTell(CommandLine(line.prefix { $0 != 0x0D })))
        case .tooLong(let length):
            maySendSecrets = true
            refuse(.lineTooLong, "a command line of \(length) octets", "")
        case .whole(let line): perform(line)
        }
        return nil
    }

    /// What the buffer begins with.
    enum Line {
        /// Not a whole line yet.
        case none
        /// Not a whole line either, and longer than any may be: so many octets were thrown away.
        case endless(Int)
        /// CR or LF stands alone in it.
        case bare(ArraySlice<UInt8>)
        /// So many octets, CRLF included.
        case tooLong(Int)
        /// Without CRLF.
        case whole(ArraySlice<UInt8>)
    }

    mutating func takeLine(limit: Int) -> Line {
        guard let lineFeed = buffer.nextLineFeed() else {
            guard buffer.count > limit else { return .none }
            defer { buffer.removeAll() }
            return .endless(buffer.count)
        }
        let line = [UInt8](buffer.bytes.prefix(lineFeed))
        buffer.consume(lineFeed + 1)
        // RFC 5321 §2.3.8: CR and LF only together.
        guard let carriageReturn = line.firstIndex(of: 0x0D), carriageReturn == line.count - 1 else { return .bare(line[...]) }
        return line.count + 1 > limit ? .tooLong(line.count + 1) : .whole(line.dropLast())
    }

    /// Nothing that stands behind a bare CR or LF is executed: it may be someone else's.
    mutating func refuseBare(_ command: String) {
        errors += 1
        note(.bareInCommand, "a command line with a bare CR or LF", command)
        finish(.bareInCommand)
    }

    private mutating func skipLine(_ skipped: Int, _ reply: Reply) -> Step<Question>? {
        if let lineFeed = buffer.nextLineFeed() {
            buffer.consume(lineFeed + 1)
            state = .command
            refuse(reply, "a command line of \(skipped + lineFeed + 1) octets", "")
            return nil
        }
        let total = skipped + buffer.count
        buffer.removeAll()
        state = .skippingLine(total, reply)
        if total > configuration.limits.discardedLine {
            note(reply, "a command line without an end", "")
            finish(reply)
            return nil
        }
        return wait(configuration.limits.commandTimeout, isRenewedByBytes: false)
    }

    private var isWithinChunks: Bool {
        if case .chunks = exchange { true } else { false }
    }

    /// `.needInput`, unless nothing more can come.
    mutating func wait(_ duration: Duration, isRenewedByBytes: Bool) -> Step<Question>? {
        guard hasEnded else { return .needInput(Patience(duration, isRenewedByBytes: isRenewedByBytes)) }
        if hasSpool { note(.timedOut, "the peer closed the connection within its message", "DATA", about: .content) }
        discard()
        abandonExchange()
        state = .closing
        return nil
    }
}

// MARK: - What the session says and asks

extension ReceivingSession {
    mutating func say(_ bytes: [UInt8]) { acts.append(.say(bytes)) }

    mutating func say(_ reply: Reply) {
        say(reply.wire(allowUTF8: exchange.envelope?.parameters.smtpUTF8 ?? false))
    }

    mutating func ask(_ question: Question, _ awaited: Awaited) { acts.append(.ask(question, awaited)) }

    /// Tells the trace of a refused command, and of nobody but whom it was about.
    mutating func note(_ reply: Reply, _ reason: String, _ command: String, about subject: Subject = .nothing) {
        guard notes < configuration.limits.notes else { return }
        notes += 1
        let envelope = exchange.envelope
        let recipients: [ForwardPath] =
            switch subject {
            case .nothing: []
            case .argument(_, let path): path.map { [$0] } ?? []
            case .content: envelope?.recipients.map(\.path) ?? []
            }
        let note = RefusalNote(
            reply: reply, reason: reason, command: command, reversePath: envelope?.reversePath, recipients: recipients,
            subject: subject.text)
        ask(.refused(note), .note)
    }

    /// Refuses a command or a message by the session's own decision; closes when that was one too many.
    mutating func refuse(_ reply: Reply, _ reason: String, _ command: String, about subject: Subject = .nothing) {
        note(reply, reason, command, about: subject)
        say(reply)
        errors += 1
        if errors >= configuration.limits.errors {
            note(.tooManyErrors, "\(errors) errors in one session", command)
            finish(.tooManyErrors)
        }
    }

    /// The last words. Nothing that was received is looked at any more.
    mutating func finish(_ reply: Reply) {
        say(reply)
        discard()
        abandonExchange()
        close()
    }

    /// Nothing that came in the clear is looked at any more.
    mutating func handshake() {
        acts.append(.startTLS)
        buffer.removeAll()
        state = .handshake
    }

    mutating func close() {
        acts.append(.close)
        buffer.removeAll()
        exchange = .none
        state = .closing
    }

    /// Drops the spool, if one is open.
    mutating func discard() {
        guard hasSpool else { return }
        hasSpool = false
        ask(.discardBody, .discard)
    }
}
