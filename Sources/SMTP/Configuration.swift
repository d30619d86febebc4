package import Dialogue

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

        /// RFC 8689. Under TLS only.
        package static let requireTLS = Extensions(rawValue: 512)
        /// RFC 4865. For submission only, and where `releaseSeconds` allows it.
        package static let futureRelease = Extensions(rawValue: 1024)

        package static let all: Extensions = [
            .pipelining, .size, .etrn, .eightBitMIME, .smtpUTF8, .enhancedStatusCodes, .chunking, .dsn, .limits, .requireTLS,
            .futureRelease,
        ]
    }

    /// Who speaks to this port.
    package enum Role: Sendable, Hashable {
        /// Other servers, and whoever has mail for us.
        case exchange
        /// RFC 6409: our users. MAIL needs a login.
        case submission
    }

    /// The server's own name, ASCII.
    package let hostname: String
    /// Octets of a message's content (RFC 1870).
    package let maximumSize: Int
    package let extensions: Extensions
    package let limits: Limits
    /// Whether MAIL needs EHLO or HELO before it (RFC 5321 §4.1.4 asks that of clients; Postfix does not insist, nor do we).
    package let requiresGreeting: Bool

    /// RFC 3207: whether STARTTLS is offered to a connection in the clear.
    package let offersTLS: Bool
    package let authentication: AuthenticationOffer
    package let role: Role
    /// RFC 4865: for how long a message may be held, in seconds; 0: FUTURERELEASE is not offered.
    package let releaseSeconds: Int

    let banner: [UInt8]
    let heloReply: [UInt8]
    /// What EHLO says to each kind of connection.
    let ehloReplies: EHLOReplies

    package init(
        hostname: String, maximumSize: Int = 52_428_800, extensions: Extensions = .all, limits: Limits = Limits(),
        requiresGreeting: Bool = false, offersTLS: Bool = false, authentication: AuthenticationOffer = .none, role: Role = .exchange,
        releaseSeconds: Int = 0
    ) {
        self.hostname = hostname
        self.maximumSize = maximumSize
        self.extensions = extensions
        self.limits = limits
        self.requiresGreeting = requiresGreeting
        self.offersTLS = offersTLS
        self.authentication = authentication
        self.role = role
        self.releaseSeconds = max(0, releaseSeconds)
        banner = Reply(220, "\(hostname) ESMTP Buzon").wire()
        // RFC 2034 §3: no enhanced code in the replies to EHLO and HELO.
        heloReply = Reply(250, hostname).wire()
        ehloReplies = EHLOReplies(
            hostname: hostname, maximumSize: maximumSize, extensions: extensions, limits: limits, offersTLS: offersTLS,
            offer: role.offer(of: authentication), releaseSeconds: role == .submission ? max(0, releaseSeconds) : 0)
    }

    /// What may be used on this connection, announced or not.
    func extensions(for connection: Connection) -> Extensions {
        var extensions = extensions
        // RFC 8689 §2: only where TLS is in use.
        if !connection.isEncrypted { extensions.remove(.requireTLS) }
        if role != .submission || releaseSeconds == 0 { extensions.remove(.futureRelease) }
        return extensions
    }

    /// The SASL mechanisms that this connection may use, in capitals.
    func mechanisms(for connection: Connection) -> [String] { role.offer(of: authentication).mechanisms(for: connection) }
}

extension Configuration.Role {
    /// RFC 8314 §3: our users log in under TLS, with whatever mechanism.
    func offer(of offer: AuthenticationOffer) -> AuthenticationOffer {
        self == .exchange ? offer : AuthenticationOffer(protected: offer.protected, bound: offer.bound)
    }
}
