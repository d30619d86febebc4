/// What MAIL and RCPT have brought together.
struct Envelope: Sendable {
    let reversePath: ReversePath
    let parameters: MailParameters
    var recipients: [Transaction.Recipient] = []
    /// RCPT that came, accepted or not.
    var attempts = 0

    init(reversePath: ReversePath, parameters: MailParameters) {
        self.reversePath = reversePath
        self.parameters = parameters
    }
}

/// The mail transaction of a session (RFC 5321 §3.3), from MAIL until the content is whole.
enum Exchange: Sendable {
    case none
    case envelope(Envelope)
    /// BDAT has begun; `LAST` has not come.
    case chunks(Envelope, ChunkReader)

    var envelope: Envelope? {
        switch self {
        case .none: nil
        case .envelope(let envelope), .chunks(let envelope, _): envelope
        }
    }
}

/// How the peer introduced itself.
enum Greeting: Sendable, Equatable {
    case none
    case helo(String)
    case ehlo(String)

    var name: String {
        switch self {
        case .none: ""
        case .helo(let name), .ehlo(let name): name
        }
    }

    /// RFC 3848, and RFC 6531 §4.3 for UTF8SMTP.
    func transmissionType(smtpUTF8: Bool, isEncrypted: Bool, isAuthenticated: Bool) -> String {
        guard case .ehlo = self else { return "SMTP" }
        return (smtpUTF8 ? "UTF8SMTP" : "ESMTP") + (isEncrypted ? "S" : "") + (isAuthenticated ? "A" : "")
    }
}
