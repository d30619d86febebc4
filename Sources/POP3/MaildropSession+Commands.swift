import Dialogue
import Mail

extension MaildropSession {
    mutating func perform(_ command: Command) {
        switch state {
        case .authorization(let user): authorize(command, user: user)
        case .transaction(let maildrop): transact(command, maildrop)
        case .greeting, .response, .handshake, .listing, .sending, .closing, .closed: break
        }
    }

    // MARK: Authorization (RFC 1939 §4, §7)

    private mutating func authorize(_ command: Command, user: String?) {
        switch command {
        case .user(let name):
            guard allowsPlainText else { return refusePlainText() }
            // RFC 1939 §7: a server may say +OK to a name that it does not know, and better does.
            state = .authorization(user: name)
            say("+OK Send your password")
        case .pass(let password):
            guard allowsPlainText else { return refusePlainText() }
            guard let user else { return refuse("Send USER first") }
            state = .authorization(user: nil)
            ask(.open(user: user, password: Secret(password)), .open)
        case .stls: startTLS()
        case .auth(nil, _): sayMechanisms()
        case .auth(.some(let mechanism), let initial): authenticate(mechanism, initial)
        case .capa: acts.append(.say(capabilities))
        case .quit:
            say("+OK Bye")
            close()
        case .stat, .noop, .rset, .list, .uidl, .retr, .dele, .top: refuse("Log in first")
        case .malformed: refuse("Malformed command")
        case .unknown: refuse("Unknown command")
        }
    }

    mutating func refusePlainText() {
        // RFC 3206 §4 [AUTH]: the problem is with how the user logs in.
        refuse("[AUTH] A password is not taken over an unencrypted connection")
    }

    /// RFC 2449 §6. LOGIN-DELAY is not there because there is none.
    private var capabilities: [UInt8] {
        var lines = ["+OK Capability list follows", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"]
        if allowsPlainText { lines.append("USER") }
        // RFC 2595 §4: not once TLS is in use.
        if configuration.offersTLS, !connection.isEncrypted { lines.append("STLS") }
        // RFC 5034 §3.
        if !mechanisms.isEmpty { lines.append("SASL " + mechanisms.joined(separator: " ")) }
        lines += ["EXPIRE NEVER", "IMPLEMENTATION Buzon", ".", ""]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    // MARK: Transaction (RFC 1939 §5)

    private mutating func transact(_ command: Command, _ maildrop: Maildrop) {
        switch command {
        case .stat: say("+OK \(maildrop.count) \(maildrop.size)")
        case .list(nil):
            say("+OK \(maildrop.count) messages (\(maildrop.size) octets)")
            state = .listing(maildrop, .sizes, next: 1)
        case .list(.some(let number)):
            guard let message = maildrop[number] else { return noSuchMessage() }
            say("+OK \(number) \(message.body.size)")
        case .uidl(nil):
            say("+OK Unique-id listing follows")
            state = .listing(maildrop, .uniqueIDs, next: 1)
        case .uidl(.some(let number)):
            guard let message = maildrop[number] else { return noSuchMessage() }
            say("+OK \(number) \(message.uniqueID)")
        case .retr(let number):
            guard let message = maildrop[number] else { return noSuchMessage() }
            state = .sending(maildrop, Sending(message: message, writer: MessageWriter(lines: nil), piece: configuration.limits.read))
        case .top(let number, let lines):
            guard let message = maildrop[number] else { return noSuchMessage() }
            state = .sending(maildrop, Sending(message: message, writer: MessageWriter(lines: lines), piece: configuration.limits.topRead))
        case .dele(let number): delete(number)
        case .noop: say("+OK")
        case .rset:
            var maildrop = maildrop
            maildrop.reset()
            state = .transaction(maildrop)
            say("+OK \(maildrop.count) messages (\(maildrop.size) octets)")
        case .quit: ask(.update(delete: maildrop.marked.map { maildrop.messages[$0].uid }.sorted()), .update)
        case .capa: acts.append(.say(capabilities))
        case .user, .pass, .stls, .auth: refuse("You are logged in already")
        case .malformed: refuse("Malformed command")
        case .unknown: refuse("Unknown command")
        }
    }

    /// No error of the protocol: a client may try numbers.
    private mutating func noSuchMessage() { say("-ERR No such message") }

    private mutating func delete(_ number: Int) {
        guard case .transaction(var maildrop) = state else { return }
        // The array of marks must not be shared while it changes.
        state = .closing
        let isDone = maildrop.delete(number)
        state = .transaction(maildrop)
        if isDone { say("+OK Marked for deletion") } else { noSuchMessage() }
    }

    /// A piece of LIST or UIDL.
    mutating func list(_ maildrop: Maildrop, _ listing: Listing, from first: Int) -> Step<Question>? {
        var bytes: [UInt8] = []
        var number = first
        while number <= maildrop.messages.count, bytes.count < 32_768 {
            if let message = maildrop[number] {
                switch listing {
                case .sizes: bytes += "\(number) \(message.body.size)\r\n".utf8
                case .uniqueIDs: bytes += "\(number) \(message.uniqueID)\r\n".utf8
                }
            }
            number += 1
        }
        if number <= maildrop.messages.count {
            state = .listing(maildrop, listing, next: number)
        } else {
            bytes += ".\r\n".utf8
            state = .transaction(maildrop)
        }
        return bytes.isEmpty ? nil : .reply(bytes)
    }
}
