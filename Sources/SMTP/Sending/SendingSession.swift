package import Dialogue

/// The client's side of an SMTP connection: bytes in, steps out. It owns no socket and no clock.
///
/// Invariants: `begin` is answered by exactly one `.finished`, with one outcome for each recipient, whatever the server does; what is
/// held of the server's bytes stays within `SendingLimits`; what the server said in the clear is forgotten once TLS is on; a server that
/// speaks when it was not asked is not believed.
package struct SendingSession: ~Copyable {
    package enum Step: Sendable, Equatable {
        /// Bytes for the server.
        case send([UInt8])
        /// Wait for bytes: so long for each whole reply, which `repliesRead` counts.
        case needInput(Duration)
        /// Do the TLS handshake and forget what came before it. `secured` follows, or the end.
        case startTLS
        /// The next piece of the content, through `supply`.
        case content
        /// `begin` or `quit` may come.
        case ready
        /// What became of the message. `.ready` or `.close` follows.
        case finished([RecipientOutcome])
        /// Nothing can be sent over this connection. `.close` follows.
        case failed(SendingFailure)
        case close
    }

    enum State: Sendable {
        case banner
        case ehlo
        case helo
        case startTLS
        /// `isSaid`: `.startTLS` was.
        case handshake(isSaid: Bool)
        /// AUTH was said; these are the responses to come.
        case login([[UInt8]])
        case ready
        case transaction(SendingTransaction)
        case quitting
        case closed
    }

    let configuration: SendingConfiguration
    let isLoopback: Bool
    var reader: ReplyReader
    var state = State.banner
    var peer = PeerExtensions.none
    package internal(set) var tls: TLSFacts?
    /// Whether the server's certificate was verified as asked.
    package internal(set) var isVerified = false
    /// Whether the server announced REQUIRETLS (RFC 8689 §2), which counts under TLS only.
    package var takesRequireTLS: Bool { tls != nil && peer.requireTLS }
    /// Bytes to be sent before anything else.
    var output: [UInt8] = []
    /// The last thing to be said, or a message's outcomes.
    var verdict: Step?
    /// A transaction was left open.
    var needsReset = false
    var hasEnded = false
    private var isExpired = false
    package private(set) var repliesRead = 0

    /// `isLoopback`: whether the server is on this machine.
    package init(_ configuration: SendingConfiguration, isLoopback: Bool) {
        self.configuration = configuration
        self.isLoopback = isLoopback
        reader = ReplyReader(configuration.limits)
    }

    /// Octets held, for tests of the limits.
    package var heldBytes: Int { reader.heldBytes }

    /// Bytes from the server; at most 64 KiB before `next` is called again.
    package mutating func receive(_ bytes: Span<UInt8>) {
        switch state {
        // Whatever is said to QUIT, it is the end.
        case .quitting: hasEnded = true
        case .closed: break
        case .banner, .ehlo, .helo, .startTLS, .handshake, .login, .ready, .transaction: reader.append(bytes)
        }
    }

    /// The server will send nothing more.
    package mutating func receiveEnd() { hasEnded = true }

    /// The patience of `.needInput` ran out.
    package mutating func expire() { isExpired = true }

    /// The connection can't go on, as the caller knows.
    package mutating func abandon(_ kind: SendingFailure.Kind, _ detail: String) { fail(kind, detail) }

    /// The handshake is done: what the server said before is forgotten (RFC 3207 §4.2). Also before the banner, where TLS is implicit.
    package mutating func secured(_ tls: TLSFacts, isVerified: Bool) {
        self.tls = tls
        self.isVerified = isVerified
        reader.removeAll()
        peer = .none
        if case .handshake = state { greet() }
    }

    package mutating func next() -> Step {
        while true {
            if !output.isEmpty {
                defer { output = [] }
                return .send(output)
            }
            if let verdict {
                self.verdict = nil
                return verdict
            }
            if let step = advance() { return step }
        }
    }

    /// One move; nil when there is more to do.
    private mutating func advance() -> Step? {
        switch state {
        case .banner, .ehlo, .helo, .startTLS, .login:
            guard let reply = readReply() else { return pause(state.patience(configuration.limits)) }
            answerGreeting(reply)
            return nil
        case .handshake(let isSaid):
            if isSaid {
                fail(.tlsFailed, "no handshake", tlsResult: "validation-failure")
                return nil
            }
            state = .handshake(isSaid: true)
            return .startTLS
        case .ready: return .ready
        case .transaction(let transaction): return advance(transaction)
        case .quitting:
            return hasEnded || isExpired ? closed() : .needInput(configuration.limits.command)
        case .closed: return .close
        }
    }

    private mutating func closed() -> Step? {
        state = .closed
        return nil
    }

    /// The next reply; nil when there is none, or when what came ended the conversation.
    mutating func readReply() -> Reply? {
        switch reader.next() {
        case .incomplete: return nil
        case .garbage(let what):
            fail(.garbage, what)
            return nil
        case .reply(let reply):
            repliesRead += 1
            return reply
        }
    }

    /// `.needInput`, unless nothing more can come.
    mutating func pause(_ duration: Duration) -> Step? {
        if case .closed = state { return nil }
        if hasEnded {
            fail(.closed, "the server closed the connection")
        } else if isExpired {
            fail(.timedOut, "no answer within \(duration)")
        } else {
            return .needInput(duration)
        }
        return nil
    }

    mutating func say(_ line: String) { output += Array(line.utf8) + [0x0D, 0x0A] }

    var stage: SendingStage {
        switch state {
        case .banner: .banner
        case .ehlo, .helo: .greeting
        case .startTLS, .handshake: .startTLS
        case .login: .authentication
        case .ready, .quitting, .closed: .mail
        case .transaction(let transaction): transaction.stage
        }
    }

    /// The conversation is over before its time.
    mutating func fail(_ kind: SendingFailure.Kind, _ detail: String, tlsResult: String? = nil) {
        let failure = SendingFailure(kind, stage, detail, tlsResult: tlsResult)
        switch state {
        case .quitting, .closed: break
        case .banner, .ehlo, .helo, .startTLS, .handshake, .login, .ready: verdict = .failed(failure)
        case .transaction(var transaction):
            transaction.decideRest(.broken(failure))
            verdict = .finished(transaction.outcomes)
        }
        output = []
        reader.removeAll()
        state = .closed
    }
}

extension SendingSession.State {
    func patience(_ limits: SendingLimits) -> Duration {
        if case .banner = self { limits.banner } else { limits.command }
    }
}
