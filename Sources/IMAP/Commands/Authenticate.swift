import Dialogue
import Mail

/// AUTHENTICATE (RFC 3501 §6.2.2), with the initial response of RFC 4959.
extension MailboxSession {
    var mechanisms: [String] {
        let offer = configuration.authentication
        return configuration.allowsPlaintextLogin && !connection.isEncrypted ? offer.protected : offer.mechanisms(for: connection)
    }

    mutating func authenticate(_ tag: [UInt8], mechanism: String, initial: Secret?) throws(CommandError) {
        guard mechanisms.contains(mechanism) else {
            let offer = configuration.authentication
            let needsTLS = !connection.isEncrypted && (offer.protected + offer.bound).contains(mechanism)
            throw .no(needsTLS ? .privacyRequired : Refusal(code: "CANNOT", "Unsupported mechanism"))
        }
        ask(.authenticate(.begin(mechanism: mechanism, initial: initial)), .authentication(tag: tag))
    }

    /// The client's next line in the exchange.
    mutating func advanceAuthenticate(_ tag: [UInt8]) -> Step<Question>? {
        if isShuttingDown { return abandonExchange(saying: "Server is shutting down") }
        guard let line = assembler.takeLine(limit: limits.authenticationLine) else {
            if assembler.input.count > limits.authenticationLine { return abandonExchange(saying: "Line too long") }
            if output.isEmpty, isEnded { return abandonExchange() }
            if output.isEmpty, isExpired { return abandonExchange(saying: "Autologout; idle for too long") }
            return wait(Patience(limits.unauthenticatedPatience), in: .authenticating(tag: tag))
        }
        if line.isTooLong {
            cancel(tag, "Line too long")
        } else if line.bytes == [0x2A] {
            // RFC 3501 §6.2.2: the client gives up.
            cancel(tag, "Authentication cancelled")
        } else if let response = Base64.decodeStrictly(line.bytes[...]) {
            ask(.authenticate(.response(Secret(response))), .authentication(tag: tag))
        } else {
            cancel(tag, "Invalid base64")
        }
        return nil
    }

    /// Whoever answers must not wait for the rest of an exchange that is over.
    private mutating func cancel(_ tag: [UInt8], _ text: String) {
        phase = .command
        sayBad(tag: tag, text)
        if case .leaving = phase { ask(.authenticate(.cancel), .left) } else { ask(.authenticate(.cancel), .cancelled) }
    }

    private mutating func abandonExchange(saying text: String? = nil) -> Step<Question>? {
        if let text { bye(text) } else { sayNothingMore() }
        ask(.authenticate(.cancel), .left)
        return nil
    }

    mutating func proceedAuthenticate(_ tag: [UInt8], _ answer: consuming Answer) {
        phase = .command
        guard case .authentication(let outcome) = answer else { return failLogin(tag, .unavailable, counts: false) }
        switch outcome {
        case .challenge(let bytes):
            output.append("+ ")
            output.append(Base64.encode(bytes))
            output.crlf()
            phase = .authenticating(tag: tag)
        case .succeeded: enter(tag)
        case .failed(.wrong), .failed(.malformed): failLogin(tag, .authenticationFailed, counts: true)
        case .failed(.throttled):
            failLogin(tag, Refusal(code: "UNAVAILABLE", "Too many wrong passwords, try again later"), counts: true)
        case .failed(.temporary): failLogin(tag, .unavailable, counts: false)
        case .failed(.cancelled): sayBad(tag: tag, "Authentication cancelled")
        }
    }
}
