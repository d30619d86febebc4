import Dialogue
import NIOCore
import NIOPosix
package import Resolution
package import SMTP
package import TLS

/// One server to talk to.
package struct OutboundTarget: Sendable {
    /// Text forms.
    package var address: String
    package var port: Int
    /// The address to send from; nil lets the system choose.
    package var source: String?
    /// For SNI.
    package var host: String
    package var proof: PeerProof
    package var session: SendingConfiguration

    package init(
        address: String, port: Int, source: String? = nil, host: String, proof: PeerProof = .nothing, session: SendingConfiguration
    ) {
        self.address = address
        self.port = port
        self.source = source
        self.host = host
        self.proof = proof
        self.session = session
    }
}

/// Connects to other mail servers.
package struct OutboundDialer: Sendable {
    private let loops: Loops
    private let context: @Sendable () -> ClientContext
    private let pool: HandshakePool

    /// `context` is asked for each connection, so that a setting counts at once.
    package init(loops: Loops, pool: HandshakePool, context: @escaping @Sendable () -> ClientContext) {
        self.loops = loops
        self.pool = pool
        self.context = context
    }

    /// Connects, greets, encrypts, logs in: the server is ready for a message when it returns. Each wait is bounded by
    /// `SendingLimits`; cancelling the task ends it at once, but for the connecting itself.
    package func connect(to target: OutboundTarget) async throws(SendingFailure) -> OutboundConversation {
        let inbox = OutboundInbox()
        let channel: any Channel
        do {
            channel = try await bootstrap(target, inbox).connect(to: SocketAddress(ipAddress: target.address, port: target.port)).get()
        } catch let error as ChannelError {
            guard case .connectTimeout = error else { throw unreachable(target, error) }
            throw SendingFailure(.unreachable, .connection, "no connection within \(target.session.limits.connect)")
        } catch {
            throw unreachable(target, error)
        }
        let conversation = OutboundConversation(target, channel, inbox, context(), pool, loops.executors[channel.eventLoop])
        if let failure = await conversation.greet() { throw failure }
        return conversation
    }

    /// For a task that connects: what it opens lives on that executor's loop.
    package func executor() -> any TaskExecutor { loops.executors[loops.group.next()] }

    private func bootstrap(_ target: OutboundTarget, _ inbox: OutboundInbox) throws -> ClientBootstrap {
        // Where the task runs, if that is a loop.
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.currentEventLoop ?? loops.group)
            .connectTimeout(TimeAmount(target.session.limits.connect))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(OutboundThreshold(inbox)) }
            }
        guard let source = target.source else { return bootstrap }
        return try bootstrap.bind(to: SocketAddress(ipAddress: source, port: 0))
    }

    private func unreachable(_ target: OutboundTarget, _ error: any Error) -> SendingFailure {
        SendingFailure(.unreachable, .connection, words(of: error))
    }
}

/// What the system says, without the address: the caller knows it.
func words(of error: any Error) -> String {
    if let number = errorNumber(error) { return systemWords(number) }
    if let failure = error as? TLSFailure { return failure.detail }
    return "\(error)"
}
