package import Dialogue
import Mail

/// The server's side of a POP3 connection.
package struct MaildropSession: ~Copyable, ServerSession {
    package struct Configuration: Sendable {
        package var limits: Limits

        /// RFC 2595: whether STLS is offered to a connection in the clear.
        package var offersTLS: Bool
        package var authentication: AuthenticationOffer

        package init(limits: Limits = Limits(), offersTLS: Bool = false, authentication: AuthenticationOffer = .none) {
            self.limits = limits
            self.offersTLS = offersTLS
            self.authentication = authentication
        }
    }

    enum State: Sendable {
        case greeting
        /// RFC 1939 §4; the name that USER gave.
        case authorization(user: String?)
        /// The client's next line in a SASL exchange (RFC 5034 §4).
        case response
        /// `.startTLS` was said, `secured` has not come. What arrives is nobody's.
        case handshake
        /// RFC 1939 §5.
        case transaction(Maildrop)
        /// LIST or UIDL is being said; the next message number.
        case listing(Maildrop, Listing, next: Int)
        /// RETR or TOP is being said.
        case sending(Maildrop, Sending)
        case closing
        case closed
    }

    enum Listing: Sendable { case sizes, uniqueIDs }

    struct Sending: Sendable {
        let message: MaildropMessage
        var offset = 0
        var writer: MessageWriter
        let piece: Int
    }

    enum Awaited: Sendable {
        case nothing
        case open
        case authentication
        /// The answer is of no interest.
        case cancellation
        case read(Range<Int>)
        case update
        case release
    }

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
    var awaited = Awaited.nothing
    var acts: [Act] = []
    private var nextAct = 0
    private(set) var hasEnded = false
    private(set) var isGoingDown = false
    private var errors = 0
    var failedLogins = 0

    package init(configuration: Configuration = Configuration(), connection: Connection) {
        self.configuration = configuration
        self.connection = connection
    }

    package static var failure: Answer { .refused(.temporary) }

    /// Octets held, for tests of the limits.
    package var heldBytes: Int { buffer.count }

    /// Whether a password may be sent here in the clear.
    var allowsPlainText: Bool { connection.isLoopback || connection.isEncrypted }

    package mutating func receive(_ bytes: Span<UInt8>) {
        switch state {
        case .handshake, .closing, .closed: break
        case .greeting, .authorization, .response, .transaction, .listing, .sending: buffer.append(bytes)
        }
    }

    package mutating func receiveEnd() { hasEnded = true }

    package mutating func shutDown() { isGoingDown = true }

    package mutating func expire() {
        switch state {
        case .closing, .closed: break
        // RFC 1939 §3: the session ends without the update state.
        case .greeting, .authorization, .response, .handshake, .transaction, .listing, .sending:
            finish("-ERR Autologout: idle for too long")
        }
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

    private mutating func advance() -> Step<Question>? {
        switch state {
        case .greeting:
            state = .authorization(user: nil)
            if isGoingDown { finish("-ERR [SYS/TEMP] The server is going down") } else { say("+OK Buzon POP3 server ready") }
            return nil
        case .authorization, .transaction: return nextCommand()
        case .response: return nextResponse()
        case .listing(let maildrop, let listing, let next): return list(maildrop, listing, from: next)
        case .sending(_, let sending):
            let end = min(sending.offset + sending.piece, sending.message.body.size)
            if end == 0 {
                resumeRead(0..<0, .bytes([]))
                return nil
            }
            ask(.read(sending.message.body, sending.offset..<end), .read(sending.offset..<end))
            return nil
        // A handshake that failed leaves nothing to talk over.
        case .handshake, .closing, .closed: return .close
        }
    }

    private mutating func nextCommand() -> Step<Question>? {
        guard let line = takeLine(limit: configuration.limits.commandLine) else { return waitOrEnd() }
        if let line { perform(Command(line)) }
        return nil
    }

    /// The next line without its end. nil: there is none yet; of that, nil: the session ends instead.
    mutating func takeLine(limit: Int) -> ArraySlice<UInt8>?? {
        if isGoingDown {
            finish("-ERR [SYS/TEMP] The server is going down")
            return .some(nil)
        }
        guard let lineFeed = buffer.nextLineFeed() else {
            guard buffer.count > limit else { return nil }
            finish("-ERR Line too long")
            return .some(nil)
        }
        var line = [UInt8](buffer.bytes.prefix(lineFeed))[...]
        buffer.consume(lineFeed + 1)
        // RFC 1939 §3 says CRLF; clients that send LF alone are understood, and no harm can come of it here.
        if line.last == 0x0D { line.removeLast() }
        if line.count > limit {
            finish("-ERR Line too long")
            return .some(nil)
        }
        return line
    }

    mutating func waitOrEnd() -> Step<Question>? {
        guard hasEnded else { return .needInput(Patience(configuration.limits.inactivity)) }
        release()
        close()
        return nil
    }
}

// MARK: - What the session says and asks

extension MaildropSession {
    /// `line` is without CRLF.
    mutating func say(_ line: String) { acts.append(.say(Array(line.utf8) + [0x0D, 0x0A])) }

    mutating func ask(_ question: Question, _ awaited: Awaited) { acts.append(.ask(question, awaited)) }

    /// A line that is no command, or not here.
    mutating func refuse(_ text: String) {
        errors += 1
        if errors < configuration.limits.errors { say("-ERR " + text) } else { finish("-ERR Too many errors") }
    }

    /// The last words. The maildrop is released as it was, an exchange given up.
    mutating func finish(_ line: String) {
        say(line)
        release()
        close()
    }

    /// Gives back what the outside holds for this session.
    mutating func release() {
        switch state {
        case .transaction, .listing, .sending: ask(.release, .release)
        // Whoever answers must not wait for the rest of an exchange.
        case .response: ask(.authenticate(.cancel), .cancellation)
        case .greeting, .authorization, .handshake, .closing, .closed: break
        }
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
        state = .closing
    }
}
