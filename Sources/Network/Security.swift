import Dialogue
import NIOCore
package import TLS

/// How a door's connections are encrypted.
package struct Security: Sendable {
    package enum Mode: Sendable {
        /// When the session asks for it: STARTTLS, STLS.
        case offered
        /// From the first byte (RFC 8314 §3).
        case implicit
    }

    /// A handshake that takes longer ends with its connection.
    static let patience = Patience(.seconds(30))

    package var mode: Mode
    /// The certificates of now.
    package var context: @Sendable () -> ServerContext
    package var pool: HandshakePool

    package init(_ mode: Mode, pool: HandshakePool, context: @escaping @Sendable () -> ServerContext) {
        self.mode = mode
        self.pool = pool
        self.context = context
    }

    /// What happened while the handshake went on.
    struct Entry {
        var tls: TLSFacts
        var isRung = false
        var isGoingDown = false
    }

    func handler(saying farewell: ByteBuffer? = nil) throws(TLSFailure) -> TLSHandler {
        try TLSHandler.server(context(), pool: pool, farewell: farewell)
    }

    /// Encrypts from now on. `reply` goes out in the clear before that, in the same tick of the loop, on which the caller is.
    func secure(_ doorbell: Doorbell, saying reply: ByteBuffer) throws {
        try doorbell.putFirst(handler(saying: reply.readableBytes > 0 ? reply : nil))
    }

    /// Waits for the handshake's end. What came in the clear is forgotten (RFC 3207 §4.2, RFC 2595 §4, RFC 3501 §6.2.1). Nil when the
    /// peer took too long or went away; throws why the handshake failed.
    func wait(_ arrivals: inout NIOAsyncChannelInboundStream<Arrival>.AsyncIterator, _ doorbell: Doorbell) async throws -> Entry? {
        var isRung = false
        var isGoingDown = false
        doorbell.wait(Self.patience)
        defer { doorbell.stopWaiting() }
        while let arrival = try await arrivals.next(isolation: #isolation) {
            switch arrival {
            case .bytes: break
            case .secured(let tls): return Entry(tls: tls, isRung: isRung, isGoingDown: isGoingDown)
            case .wake:
                doorbell.takeRing()
                isRung = true
            case .expired: throw TLSFailure(.handshake, "no TLS handshake within \(Self.patience.duration)")
            case .shutDown: isGoingDown = true
            }
        }
        return nil
    }
}
