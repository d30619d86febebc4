import Dialogue

/// What EHLO says: to each kind of connection something else, laid out once.
struct EHLOReplies: Sendable {
    private let lines: [[String]]
    private let replies: [[UInt8]]
    private let releaseSeconds: Int

    init(
        hostname: String, maximumSize: Int, extensions: Configuration.Extensions, limits: Limits, offersTLS: Bool,
        offer: AuthenticationOffer, releaseSeconds: Int
    ) {
        self.releaseSeconds = extensions.contains(.futureRelease) ? releaseSeconds : 0
        lines = Kind.allCases.map { kind in
            let connection = kind.example
            var lines = [hostname]
            func announce(_ one: Configuration.Extensions, _ line: String) { if extensions.contains(one) { lines.append(line) } }
            announce(.pipelining, "PIPELINING")
            announce(.size, "SIZE \(maximumSize)")
            lines.append("VRFY")
            announce(.etrn, "ETRN")
            // RFC 3207 §4.2: not once TLS is in use.
            if offersTLS, !connection.isEncrypted { lines.append("STARTTLS") }
            let mechanisms = offer.mechanisms(for: connection)
            if !mechanisms.isEmpty {
                // RFC 4954 §3.
                lines.append("AUTH " + mechanisms.joined(separator: " "))
                // What old clients read, made after a draft (Postfix: `broken_sasl_auth_clients`).
                lines.append("AUTH=" + mechanisms.joined(separator: " "))
            }
            announce(.enhancedStatusCodes, "ENHANCEDSTATUSCODES")
            announce(.eightBitMIME, "8BITMIME")
            announce(.dsn, "DSN")
            announce(.smtpUTF8, "SMTPUTF8")
            announce(.chunking, "CHUNKING")
            // RFC 9422 §4: what a client may rely on.
            announce(.limits, "LIMITS RCPTMAX=\(limits.recipients) MAILMAX=\(limits.transactions)")
            // RFC 8689 §2.
            if connection.isEncrypted { announce(.requireTLS, "REQUIRETLS") }
            lines.append("HELP")
            return lines
        }
        replies = lines.map { Reply(250, lines: $0).wire() }
    }

    func reply(to connection: Connection) -> [UInt8] {
        let kind = Kind(connection).rawValue
        // Without a clock there is no date to announce.
        guard releaseSeconds > 0, connection.accepted > 0 else { return replies[kind] }
        var lines = lines[kind]
        // RFC 4865 §3: seconds, and the date that is as far away now.
        let latest = ReleaseTime.text(of: connection.accepted + Int64(releaseSeconds))
        lines.insert("FUTURERELEASE \(releaseSeconds) \(latest)", at: lines.count - 1)
        return Reply(250, lines: lines).wire()
    }

    /// What a connection is to whoever decides what it may be offered.
    private enum Kind: Int, CaseIterable {
        case clear, loopback, encrypted, bound

        init(_ connection: Connection) {
            self =
                switch connection.tls {
                case nil: connection.isLoopback ? .loopback : .clear
                case .some(let tls): tls.binding == nil ? .encrypted : .bound
                }
        }

        var example: Connection {
            let binding = self == .bound ? ChannelBinding(name: "tls-exporter", data: []) : nil
            return Connection(
                peerAddress: "", peerPort: 0, localAddress: "", localPort: 0, isLoopback: self == .loopback,
                tls: self == .encrypted || self == .bound ? TLSFacts(version: "", cipher: "", bits: 0, binding: binding) : nil, id: 0)
        }
    }
}
