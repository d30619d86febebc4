package import Dialogue
import Mail

// STLS (RFC 2595 §4).
extension MaildropSession {
    mutating func startTLS() {
        if connection.isEncrypted { return refuse("The connection is encrypted already") }
        guard configuration.offersTLS else { return refuse("TLS is not offered") }
        say("+OK Begin TLS negotiation")
        handshake()
    }

    package mutating func secured(_ tls: TLSFacts) {
        guard case .handshake = state else { return }
        connection.tls = tls
        // RFC 2595 §4: what the client said in the clear is forgotten, the name of USER as well.
        buffer.removeAll()
        state = .authorization(user: nil)
    }
}

// AUTH (RFC 5034).
extension MaildropSession {
    var mechanisms: [String] { configuration.authentication.mechanisms(for: connection) }

    /// AUTH alone is older than RFC 5034; clients still ask so.
    mutating func sayMechanisms() {
        say((["+OK Mechanisms follow"] + mechanisms + ["."]).joined(separator: "\r\n"))
    }

    mutating func authenticate(_ mechanism: String, _ initial: [UInt8]?) {
        guard mechanisms.contains(mechanism) else {
            let offer = configuration.authentication
            let needsTLS = !connection.isEncrypted && (offer.protected + offer.bound).contains(mechanism)
            return needsTLS ? refusePlainText() : refuse("Unsupported mechanism")
        }
        // The name that USER gave is another login's.
        state = .authorization(user: nil)
        var response: Secret?
        if let initial {
            // RFC 5034 §4: "=" is an empty response.
            guard let bytes = initial == [0x3D] ? [] : Base64.decodeStrictly(initial[...]) else { return refuse("Malformed Base64") }
            response = Secret(bytes)
        }
        ask(.authenticate(.begin(mechanism: mechanism, initial: response)), .authentication)
    }

    /// The client's next line in the exchange.
    mutating func nextResponse() -> Step<Question>? {
        guard let line = takeLine(limit: configuration.limits.authenticationLine) else { return waitOrEnd() }
        guard let line else { return nil }
        guard !line.elementsEqual("*".utf8), let bytes = Base64.decodeStrictly(line) else {
            release()
            state = .authorization(user: nil)
            // RFC 5034 §4: the client gives up with "*".
            refuse(line.elementsEqual("*".utf8) ? "Authentication cancelled" : "Malformed Base64")
            return nil
        }
        state = .authorization(user: nil)
        ask(.authenticate(.response(Secret(bytes))), .authentication)
        return nil
    }

    mutating func resumeAuthentication(_ answer: Answer) {
        guard case .authentication(let outcome) = answer else { return failLogin(.temporary) }
        switch outcome {
        case .challenge(let bytes):
            state = .response
            acts.append(.say(Array("+ ".utf8) + Base64.encode(bytes) + [0x0D, 0x0A]))
        case .succeeded(let login): ask(.enter(login: login), .open)
        case .failed(.wrong), .failed(.malformed): failLogin(.authentication)
        case .failed(.throttled): failLogin(.throttled)
        case .failed(.temporary): failLogin(.temporary)
        case .failed(.cancelled): say("-ERR Authentication cancelled")
        }
    }

    private mutating func failLogin(_ refusal: Refusal) {
        say("-ERR \(Self.text(refusal, or: "Authentication is not possible now"))")
        countFailedLogin()
    }
}
