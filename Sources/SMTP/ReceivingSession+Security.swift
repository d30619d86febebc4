package import Dialogue
import Mail

// STARTTLS (RFC 3207).
extension ReceivingSession {
    mutating func startTLS() {
        guard configuration.offersTLS else {
            return refuse(Reply(502, "5.5.1", "Command not implemented"), "STARTTLS is not offered", "STARTTLS")
        }
        reset()
        say(CommonReply.readyForTLS)
        handshake()
    }

    package mutating func secured(_ tls: TLSFacts) {
        guard case .handshake = state else { return }
        connection.tls = tls
        // RFC 3207 §4.2: what the client said in the clear is forgotten, its EHLO as well.
        buffer.removeAll()
        greeting = .none
        exchange = .none
        login = nil
        state = .command
    }
}

// AUTH (RFC 4954).
extension ReceivingSession {
    mutating func authenticate(_ argument: ArraySlice<UInt8>) {
        let offer = configuration.authentication
        guard offer != .none else { return refuse(Reply(502, "5.5.1", "Command not implemented"), "AUTH is not offered", "AUTH") }
        // RFC 4954 §4: once.
        guard login == nil else { return refuse(Reply(503, "5.5.1", "You are logged in already"), "AUTH after a login", "AUTH") }
        let words = argument.split(whereSeparator: { $0.isWhiteSpace })
        guard let word = words.first, words.count <= 2 else {
            return refuse(Reply(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]"), "AUTH with bad syntax", "AUTH")
        }
        let mechanism = String(decoding: word.prefix(64).map(\.capital), as: UTF8.self)
        guard configuration.mechanisms(for: connection).contains(mechanism) else {
            failedLogins += 1
            return refuseMechanism(mechanism, isKnown: (offer.inTheClear + offer.protected + offer.bound).contains(mechanism))
        }
        var initial: Secret?
        if words.count == 2 {
            // RFC 4954 §4: "=" is an empty response.
            guard let bytes = words[1].elementsEqual("=".utf8) ? [] : Base64.decodeStrictly(words[1]) else { return refuseMalformed() }
            initial = Secret(bytes)
        }
        ask(.authenticate(.begin(mechanism: mechanism, initial: initial)), .authentication)
    }

    private mutating func refuseMechanism(_ mechanism: String, isKnown: Bool) {
        if isKnown, !connection.isEncrypted {
            // RFC 4954 §6.
            refuse(
                Reply(538, "5.7.11", "Encryption required for requested authentication mechanism"), "AUTH in the clear", "AUTH")
        } else {
            // RFC 4954 §4.
            refuse(Reply(504, "5.5.4", "Unrecognized authentication type"), "AUTH with an unknown mechanism", "AUTH")
        }
    }

    /// The client's next line in the exchange.
    mutating func nextResponse() -> Step<Question>? {
        if isGoingDown {
            finish(.shuttingDown)
            return nil
        }
        switch takeLine(limit: configuration.limits.authenticationLine) {
        case .none: return wait(configuration.limits.commandTimeout, isRenewedByBytes: false)
        case .endless(let skipped):
            abandonExchange()
            state = .skippingLine(skipped, .responseTooLong)
        case .bare: refuseBare("AUTH")
        case .tooLong(let length):
            abandonExchange()
            refuse(.responseTooLong, "a response of \(length) octets", "AUTH")
        case .whole(let line): respond(line.trimmed)
        }
        return nil
    }

    private mutating func respond(_ line: ArraySlice<UInt8>) {
        if line.elementsEqual("*".utf8) {
            // RFC 4954 §4: the client gives up.
            abandonExchange()
            return refuse(.cancelled, "AUTH cancelled", "AUTH")
        }
        guard let bytes = Base64.decodeStrictly(line) else {
            abandonExchange()
            return refuseMalformed()
        }
        state = .command
        ask(.authenticate(.response(Secret(bytes))), .authentication)
    }

    /// RFC 4954 §4: no Base64.
    private mutating func refuseMalformed() {
        failedLogins += 1
        refuse(Reply(501, "5.5.2", "Malformed Base64"), "AUTH with malformed Base64", "AUTH")
    }

    /// Whoever answers must not wait for the rest of an exchange that is over.
    mutating func abandonExchange() {
        guard case .response = state else { return }
        state = .command
        ask(.authenticate(.cancel), .discard)
    }

    mutating func resumeAuthentication(_ answer: Answer) {
        guard case .authentication(let outcome) = answer else { return say(.authenticationUnavailable) }
        switch outcome {
        case .challenge(let bytes):
            state = .response
            say(Array("334 ".utf8) + Base64.encode(bytes) + [0x0D, 0x0A])
        case .succeeded(let login):
            self.login = login
            failedLogins = 0
            maySendSecrets = false
            say(CommonReply.authenticated)
        case .failed(.temporary): say(.authenticationUnavailable)
        case .failed(.cancelled): say(.cancelled)
        case .failed(.wrong): failLogin(Reply(535, "5.7.8", "Wrong name or password"))
        case .failed(.malformed): failLogin(Reply(501, "5.5.2", "Malformed authentication message"))
        case .failed(.throttled): failLogin(Reply(454, "4.7.0", "Too many wrong passwords, try again later"))
        }
    }

    private mutating func failLogin(_ reply: Reply) {
        say(reply)
        failedLogins += 1
        guard failedLogins >= configuration.limits.failedLogins else { return }
        note(.tooManyFailedLogins, "\(failedLogins) logins failed", "AUTH")
        finish(.tooManyFailedLogins)
    }

    /// RFC 4954 §6, RFC 3207 §4.
    var loginRequired: Reply {
        let needsTLS = configuration.offersTLS && configuration.mechanisms(for: connection).isEmpty
        return Reply(530, "5.7.0", needsTLS ? "Must issue a STARTTLS command first" : "Authentication required")
    }
}

extension Reply {
    static let cancelled = Reply(501, "5.7.0", "Authentication cancelled")
    static let authenticationUnavailable = Reply(454, "4.7.0", "Temporary authentication failure")
}
