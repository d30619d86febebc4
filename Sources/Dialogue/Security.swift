/// What a TLS handshake agreed on.
package struct TLSFacts: Hashable, Sendable {
    /// `TLSv1.3`, as the library spells it.
    package var version: String
    /// The library's name of the cipher suite: `TLS_AES_256_GCM_SHA384`.
    package var cipher: String
    /// Secret bits of the cipher.
    package var bits: Int
    /// What the client asked for by SNI (RFC 6066 §3), folded; nil when it asked for nothing.
    package var serverName: String?
    /// RFC 9266 for TLS 1.3, RFC 5929 tls-server-end-point before it; nil when there is none.
    package var binding: ChannelBinding?
    /// Whether the session was resumed rather than negotiated anew.
    package var isResumed: Bool

    package init(
        version: String, cipher: String, bits: Int, serverName: String? = nil, binding: ChannelBinding? = nil, isResumed: Bool = false
    ) {
        self.version = version
        self.cipher = cipher
        self.bits = bits
        self.serverName = serverName
        self.binding = binding
        self.isResumed = isResumed
    }
}

/// RFC 5056: what ties an authentication to the TLS connection that carries it.
package struct ChannelBinding: Hashable, Sendable {
    /// `tls-exporter` or `tls-server-end-point`.
    package var name: String
    package var data: [UInt8]

    package init(name: String, data: [UInt8]) {
        self.name = name
        self.data = data
    }
}

/// The SASL mechanisms of a server, by what the connection must be to see them.
package struct AuthenticationOffer: Hashable, Sendable {
    /// In the clear, from another machine: none that shows the password.
    package var inTheClear: [String]
    /// Under TLS or on loopback.
    package var protected: [String]
    /// Beside `protected` where there is channel binding: the -PLUS ones.
    package var bound: [String]

    package init(inTheClear: [String] = [], protected: [String] = [], bound: [String] = []) {
        self.inTheClear = inTheClear
        self.protected = protected
        self.bound = bound
    }

    package static let none = AuthenticationOffer()

    /// What is announced to this connection. In capitals.
    package func mechanisms(for connection: Connection) -> [String] {
        if let tls = connection.tls { return protected + (tls.binding == nil ? [] : bound) }
        return connection.isLoopback ? protected : inTheClear
    }
}

/// A move of the client's in a SASL exchange (RFC 4422 §3), Base64 undone.
package enum AuthenticationMove: Sendable, Equatable {
    /// The mechanism in capitals, one of those that were announced. `initial` nil: no initial response; empty: an empty one (`=`).
    case begin(mechanism: String, initial: Secret?)
    case response(Secret)
    /// `*`, or the connection ended in the middle. Answered with `.failed(.cancelled)`, whatever the exchange.
    case cancel
}

package enum AuthenticationOutcome: Sendable, Equatable {
    /// The exchange goes on; the bytes are not Base64 yet.
    case challenge([UInt8])
    /// The login, folded: the user's whole address.
    case succeeded(login: String)
    case failed(AuthenticationFailure)
}

package enum AuthenticationFailure: Sendable, Equatable {
    /// Wrong name or password, never told which.
    case wrong
    /// The client's message is none of this mechanism.
    case malformed
    case cancelled
    /// Too many wrong passwords of late: refused without a look at the password.
    case throttled
    /// The check itself is not possible now.
    case temporary
}
