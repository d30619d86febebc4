/// What a listening port's sessions have in common. Made once and shared: the greeting is laid out here.
package struct Configuration: Sendable {
    /// What EHLO announces, and which parameters are therefore understood.
    package struct Extensions: OptionSet, Sendable, Hashable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }

        /// RFC 2920.
        package static let pipelining = Extensions(rawValue: 1)
        /// RFC 1870.
        package static let size = Extensions(rawValue: 2)
        /// RFC 1985.
        package static let etrn = Extensions(rawValue: 4)
        /// RFC 6152.
        package static let eightBitMIME = Extensions(rawValue: 8)
        /// RFC 6531.
        package static let smtpUTF8 = Extensions(rawValue: 16)
        /// RFC 2034.
        package static let enhancedStatusCodes = Extensions(rawValue: 32)
        /// RFC 3030, without BINARYMIME.
        package static let chunking = Extensions(rawValue: 64)
        /// RFC 3461.
        package static let dsn = Extensions(rawValue: 128)
        /// RFC 9422.
        package static let limits = Extensions(rawValue: 256)

        package static let all: Extensions = [
            .pipelining, .size, .etrn, .eightBitMIME, .smtpUTF8, .enhancedStatusCodes, .chunking, .dsn, .limits,
        ]
    }

    /// The server's own name, ASCII.
    package let hostname: String
    /// Octets of a message's content (RFC 1870).
    package let maximumSize: Int
    package let extensions: Extensions
    package let limits: Limits
    /// Whether MAIL needs EHLO or HELO before it (RFC 5321 §4.1.4 asks that of clients; Postfix does not insist, nor do we).
    package let requiresGreeting: Bool

    let banner: [UInt8]
    let ehloReply: [UInt8]
    let heloReply: [UInt8]

    package init(
        hostname: String, maximumSize: Int = 52_428_800, extensions: Extensions = .all, limits: Limits = Limits(),
        requiresGreeting: Bool = false
    ) {
        self.hostname = hostname
        self.maximumSize = maximumSize
        self.extensions = extensions
        self.limits = limits
        self.requiresGreeting = requiresGreeting
        banner = Reply(220, "\(hostname) ESMTP Buzon").wire()
        // RFC 2034 §3: no enhanced code in the replies to EHLO and HELO.
        heloReply = Reply(250, hostname).wire()
        var lines = [hostname]
        func offer(_ one: Extensions, _ line: String) { if extensions.contains(one) { lines.append(line) } }
        offer(.pipelining, "PIPELINING")
        offer(.size, "SIZE \(maximumSize)")
        lines.append("VRFY")
        offer(.etrn, "ETRN")
        offer(.enhancedStatusCodes, "ENHANCEDSTATUSCODES")
        offer(.eightBitMIME, "8BITMIME")
        offer(.dsn, "DSN")
        offer(.smtpUTF8, "SMTPUTF8")
        offer(.chunking, "CHUNKING")
        // RFC 9422 §4: what a client may rely on.
        offer(.limits, "LIMITS RCPTMAX=\(limits.recipients) MAILMAX=\(limits.transactions)")
        lines.append("HELP")
        ehloReply = Reply(250, lines: lines).wire()
    }
}
