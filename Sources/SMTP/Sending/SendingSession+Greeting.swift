import Dialogue
import Mail

extension SendingSession {
    mutating func greet() {
        state = .ehlo
        say("EHLO \(configuration.hostname)")
    }

    /// A reply before the first message.
    mutating func answerGreeting(_ reply: Reply) {
        // RFC 5321 §3.8: the server goes.
        if reply.code == 421 { return refuse(reply) }
        switch state {
        case .banner:
            guard reply.code / 100 == 2 else { return reply.code / 100 == 3 ? unexpected(reply) : refuse(reply) }
            if unasked() { return }
            greet()
        case .ehlo:
            if reply.code / 100 == 2 {
                peer = PeerExtensions(reply)
                if !unasked() { secureOrLogIn() }
            } else if reply.isPermanent {
                // RFC 5321 §3.2: a server that does not know EHLO.
                if unasked() { return }
                state = .helo
                say("HELO \(configuration.hostname)")
            } else {
                reply.isTransient ? refuse(reply) : unexpected(reply)
            }
        case .helo:
            guard reply.code / 100 == 2 else { return reply.code / 100 == 3 ? unexpected(reply) : refuse(reply) }
            peer = .none
            if !unasked() { secureOrLogIn() }
        case .startTLS:
            if reply.code == 220 {
                // RFC 3207 §4.2: what is behind it came in the clear, whoever wrote it.
                reader.removeAll()
                state = .handshake(isSaid: false)
            } else if configuration.tls == .required {
                fail(.tlsUnavailable, "STARTTLS was refused: \(reply.summary)", tlsResult: "starttls-not-supported")
            } else if !unasked() {
                logIn()
            }
        case .login(let responses): answerLogin(reply, responses)
        case .handshake, .ready, .transaction, .quitting, .closed: break
        }
    }

    private mutating func secureOrLogIn() {
        guard tls == nil else { return logIn() }
        switch configuration.tls {
        case .never, .implicit: logIn()
        case .whenOffered, .required:
            if peer.startTLS {
                state = .startTLS
                say("STARTTLS")
            } else if configuration.tls == .required {
                state = .startTLS
                fail(.tlsUnavailable, "STARTTLS is not offered", tlsResult: "starttls-not-supported")
            } else {
                logIn()
            }
        }
    }

    // MARK: AUTH

    private mutating func logIn() {
        guard let login = configuration.login else {
            state = .ready
            return
        }
        state = .login([])
        // RFC 4954 §4, RFC 4616 §6: a password never in the clear.
        guard tls != nil || isLoopback else {
            return fail(.tlsUnavailable, "the password is not sent, as the connection is not encrypted")
        }
        let user = Array(login.user.utf8)
        if peer.mechanisms.contains("PLAIN") {
            // RFC 4616 §2.
            let message = String(decoding: Base64.encode([0] + user + [0] + login.password.bytes), as: UTF8.self)
            let line = "AUTH PLAIN \(message)"
            // RFC 4954 §4: an initial response that makes the command too long is sent by itself.
            if line.utf8.count <= 510 {
                say(line)
            } else {
                state = .login([Array(message.utf8)])
                say("AUTH PLAIN")
            }
        } else if peer.mechanisms.contains("LOGIN") {
            state = .login([Base64.encode(user), Base64.encode(login.password.bytes)])
            say("AUTH LOGIN")
        } else {
            // The host is not what its settings say, which may be mended: not for good.
            refuse(Reply(454, "4.7.0", "The server offers neither AUTH PLAIN nor AUTH LOGIN"))
        }
    }

    private mutating func answerLogin(_ reply: Reply, _ responses: [[UInt8]]) {
        switch reply.code / 100 {
        case 2:
            if !unasked() { state = .ready }
        case 3:
            guard let response = responses.first, !unasked() else { return unexpected(reply) }
            state = .login(Array(responses.dropFirst()))
            output += response + [0x0D, 0x0A]
        default: refuse(reply)
        }
    }

    // MARK: Ends

    /// The server does not want us.
    private mutating func refuse(_ reply: Reply) {
        fail(.refused(reply), reply.summary)
        // RFC 5321 §3.1: after 554 nothing but QUIT.
        if reply.code != 421 { say("QUIT") }
    }

    private mutating func unexpected(_ reply: Reply) { fail(.garbage, "an answer to something else: \(reply.summary)") }

    /// Whether the server has said more than it was asked for, which ends the conversation: from here on every answer would be taken for
    /// that to another command.
    mutating func unasked() -> Bool {
        guard !reader.isEmpty else { return false }
        fail(.garbage, "the server speaks without having been asked")
        return true
    }
}

extension Reply {
    /// For logs: in one line.
    package var summary: String {
        let text = lines.prefix(5).joined(separator: " ").prefix(500)
        return "\(code) " + (enhanced.map { "\($0) " } ?? "") + text
    }
}
