package import Dialogue
package import Mail
package import Resolution
package import SMTP

/// Opens conversations with other mail servers. The network is behind it; tests have their own.
package protocol Transport: Sendable {
    /// Connects and greets; encrypts and logs in as `hop` asks. Returns when the peer is ready for MAIL.
    func connect(to hop: Hop) async throws(SendingFailure) -> any Conversation
    /// Where a task that connects and sends runs best; not always the same. Nil: anywhere.
    func executor() -> (any TaskExecutor)?
}

extension Transport {
    package func executor() -> (any TaskExecutor)? { nil }
}

/// A connection to a host that is ready for messages. Used by one task at a time.
package protocol Conversation: Sendable {
    /// Nil in the clear.
    var tls: TLSFacts? { get }
    /// Whether the certificate was verified as `Hop.proof` asked.
    var isVerified: Bool { get }
    /// What a proof that was only wished for (`PeerProof.wished`) lacked.
    var shortfall: SendingFailure? { get }
    /// Whether the peer announced REQUIRETLS (RFC 8689 §2).
    var takesRequireTLS: Bool { get }
    /// Sends one message: one outcome for each recipient, in their order. After `.broken` the conversation is over.
    func send(_ message: OutgoingMessage, _ content: any ContentSource) async -> [RecipientOutcome]
    /// Whether another message may be sent.
    var isOpen: Bool { get }
    /// Where a task that uses it runs best; nil: anywhere.
    var executor: (any TaskExecutor)? { get }
    /// Says QUIT and closes. Safe at any time, also twice.
    func close() async
}

extension Conversation {
    package var executor: (any TaskExecutor)? { nil }
}

/// A message's content as it leaves: header fields of ours, then the original. Lines end in CRLF; dots are not stuffed.
package protocol ContentSource: Sendable {
    /// Octets.
    var count: Int { get }
    /// At most `limit` octets from `offset`; empty only at the end.
    func read(at offset: Int, limit: Int) async throws -> [UInt8]
}

/// One address to try, and how.
package struct Hop: Sendable {
    package var address: IPAddress
    package var port: Int
    /// The host's name: for SNI (RFC 7672 §8.1) and for logs.
    package var host: String
    package var proof: PeerProof
    package var session: SendingConfiguration
    /// The local address to send from; nil lets the system choose.
    package var source: IPAddress?

    package init(
        address: IPAddress, port: Int = 25, host: String, proof: PeerProof = .nothing, session: SendingConfiguration,
        source: IPAddress? = nil
    ) {
        self.address = address
        self.port = port
        self.host = host
        self.proof = proof
        self.session = session
        self.source = source
    }
}
