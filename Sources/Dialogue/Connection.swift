/// What a session is told about its connection when it begins. Text forms only: addresses are judged elsewhere.
package struct Connection: Hashable, Sendable {
    /// The peer's address in text form, IPv4-mapped IPv6 already unmapped: `192.0.2.1`, `2001:db8::1`.
    package var peerAddress: String
    package var peerPort: Int
    package var localAddress: String
    package var localPort: Int
    /// Whether the peer is on this machine's loopback.
    package var isLoopback: Bool
    /// What the TLS handshake agreed on; nil in the clear.
    package var tls: TLSFacts?
    package var isEncrypted: Bool { tls != nil }
    /// Unique within this process's life; appears in logs and traces.
    package var id: UInt64
    /// When it was accepted, in seconds since 1970; 0 when nobody says.
    package var accepted: Int64

    package init(
        peerAddress: String, peerPort: Int, localAddress: String, localPort: Int, isLoopback: Bool, tls: TLSFacts? = nil, id: UInt64,
        accepted: Int64 = 0
    ) {
        self.peerAddress = peerAddress
        self.peerPort = peerPort
        self.localAddress = localAddress
        self.localPort = localPort
        self.isLoopback = isLoopback
        self.tls = tls
        self.id = id
        self.accepted = accepted
    }
}

/// A password on its way from a peer to the check. It never prints itself.
package struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var description: String { "…" }
    package var debugDescription: String { "…" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
