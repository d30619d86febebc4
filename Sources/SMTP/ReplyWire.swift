extension Reply {
    /// Without an enhanced code: the greeting, EHLO, 354.
    package init(_ code: Int, _ text: String) { self.init(code, nil, lines: [text]) }

    /// RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets with code and CRLF.
    static let maximumText = 490

    /// The reply as it goes to the peer. What its texts must not hold (controls; non-ASCII unless `allowUTF8`) becomes `?`,
    /// long texts are cut.
    package func wire(allowUTF8: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(lines.reduce(0) { $0 + $1.utf8.count + 16 })
        let digits = Array(String(min(max(code, 200), 599)).utf8)
        let status = enhanced.map { Array("\($0) ".utf8) } ?? []
        for (index, line) in (lines.isEmpty ? [""] : lines).enumerated() {
            bytes += digits
            // RFC 5321 §4.2.1: a hyphen on every line but the last.
            bytes.append(index + 1 < lines.count ? UInt8(ascii: "-") : UInt8(ascii: " "))
            // RFC 2034 §4: the enhanced code stands on every line.
            bytes += status
            for byte in line.utf8.prefix(Self.maximumText) {
                bytes.append(byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !allowUTF8) ? UInt8(ascii: "?") : byte)
            }
            bytes += [0x0D, 0x0A]
        }
        return bytes
    }
}

/// Replies of every transaction, laid out once.
enum CommonReply {
    static let ok = Reply(250, "2.0.0", "Ok").wire()
    static let senderOk = Reply(250, "2.1.0", "Ok").wire()
    static let recipientOk = Reply(250, "2.1.5", "Ok").wire()
    static let startMail = Reply(354, "End data with <CR><LF>.<CR><LF>").wire()
    static let bye = Reply(221, "2.0.0", "Bye").wire()
    // RFC 3207 §4.
    static let readyForTLS = Reply(220, "2.0.0", "Ready to start TLS").wire()
    // RFC 4954 §6.
    static let authenticated = Reply(235, "2.7.0", "Authentication successful").wire()
}

extension Reply {
    /// What nobody expected happened.
    package static let unexpected = Reply(451, "4.3.0", "Something went wrong here, try again later")
    static let shuttingDown = Reply(421, "4.3.2", "The server is going down, try again later")
    static let timedOut = Reply(421, "4.4.2", "Time-out, closing")
    static let lineTooLong = Reply(500, "5.5.2", "Line too long")
    // RFC 4954 §4, §6.
    static let responseTooLong = Reply(500, "5.5.6", "Authentication exchange line is too long")
    static let tooManyErrors = Reply(421, "4.7.0", "Too many errors, closing")
    static let tooLarge = Reply(552, "5.3.4", "The message is larger than this server takes")
    static let tooManyFailedLogins = Reply(421, "4.7.0", "Too many failed logins, closing")
    static let bareInMessage = Reply(550, "5.6.0", "The message holds a CR or LF that is not part of a CRLF; closing")
    static let bareInCommand = Reply(550, "5.5.2", "Lines must end with CRLF, and CR or LF stand nowhere else; closing")
    static let wrongEnd = Reply(550, "5.5.2", "A message ends with CRLF.CRLF and nothing else; closing")
}
