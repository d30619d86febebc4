package import Dialogue

/// STARTTLS (RFC 3501 §6.2.1).
extension MailboxSession {
    mutating func startTLS(_ tag: [UInt8]) throws(CommandError) {
        if connection.isEncrypted { throw .bad("The connection is encrypted already") }
        guard configuration.offersTLS else { throw .bad("TLS is not offered") }
        sayTagged(Completion(tag: tag, "OK Begin TLS negotiation now"))
        // Nothing that came in the clear is looked at any more.
        assembler.removeAll()
        phase = .startingTLS
    }

    mutating func advanceStartTLS() -> Step<Question>? {
        if !output.isEmpty {
            phase = .startingTLS
            return .reply(output.take(limits.reply))
        }
        phase = .handshake
        return .startTLS
    }

    package mutating func secured(_ tls: TLSFacts) {
        guard case .handshake = phase else { return }
        connection.tls = tls
        // RFC 3501 §6.2.1: the client asks for the capabilities anew.
        assembler.removeAll()
        phase = .command
    }
}
