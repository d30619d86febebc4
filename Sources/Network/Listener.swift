package import Dialogue
import Glibc
package import Logging
package import NIOCore
import NIOPosix
import Synchronization
import TLS

/// A port with a protocol behind it.
package struct Door<Session: ServerSession & ~Copyable, R: Responder>: Sendable
where R.Question == Session.Question, R.Answer == Session.Answer {
    /// For logs: `smtp`, `pop3`, `imap`.
    package var name: String
    /// Nil: never encrypted.
    package var security: Security?
    /// Asked for each connection, so that a setting counts at once.
    package var caps: @Sendable () -> ConnectionCaps
    /// Said, with the connection closed behind it, to one connection too many.
    package var refusal: [UInt8]
    /// Told of each connection that was one too many.
    package var refused: @Sendable (Connection) -> Void
    package var session: @Sendable (Connection) -> Session
    package var responder: @Sendable (Connection, Doorbell) -> R

    package init(
        name: String, security: Security? = nil, caps: @escaping @Sendable () -> ConnectionCaps, refusal: [UInt8],
        refused: @escaping @Sendable (Connection) -> Void = { _ in }, session: @escaping @Sendable (Connection) -> Session,
        responder: @escaping @Sendable (Connection, Doorbell) -> R
    ) {
        self.name = name
        self.security = security
        self.caps = caps
        self.refusal = refusal
        self.refused = refused
        self.session = session
        self.responder = responder
    }
}

extension Door where Session: ~Copyable {
    var implicitSecurity: Security? {
        guard let security, case .implicit = security.mode else { return nil }
        return security
    }
}

/// The event loops of the process: one for each core. `shutdown` after every listener is closed.
package struct Loops: Sendable {
    let group: MultiThreadedEventLoopGroup
    let executors: LoopExecutors

    package init(threads: Int = System.coreCount) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        executors = LoopExecutors(group)
    }

    package func shutdown() async throws { try await group.shutdownGracefully() }
}

/// Unique numbers for connections.
private let connectionNumber = Atomic<UInt64>(1)

/// One open door: accepts until it is closed, then lets its sessions finish.
package final class Listener<Session: ServerSession & ~Copyable, R: Responder>: Sendable
where R.Question == Session.Question, R.Answer == Session.Answer {
    /// Where it listens. The port is the real one when 0 was asked for; 0 for a path.
    package let localAddress: SocketAddress
    package var port: Int { localAddress.port ?? 0 }
    /// Connections being served.
    package var connections: Int { open.withLock { $0.bells.count } }

    private let door: Door<Session, R>
    private let loops: Loops
    private let log: Logger
    private let limits = ConnectionLimits()
    private let handshakes = FailedHandshakes()
    private let lobby: Lobby
    private let server: NIOAsyncChannel<Accepted, Never>
    private let open = Mutex<(bells: [UInt64: Doorbell], isClosing: Bool)>(([:], false))

    private init(_ door: Door<Session, R>, _ loops: Loops, _ log: Logger, _ lobby: Lobby, _ server: NIOAsyncChannel<Accepted, Never>) throws
    {
        guard let address = server.channel.localAddress else { throw ChannelError.unknownLocalAddress }
        self.door = door
        self.loops = loops
        self.log = log
        self.lobby = lobby
        self.server = server
        localAddress = address
    }

    /// Opens the port. Connections wait in the backlog until `run`. Throws `IOError` (`EADDRINUSE`, `EACCES`).
    package static func bind(_ door: Door<Session, R>, host: String, port: Int, loops: Loops, log: Logger) async throws -> Listener {
        let lobby = Lobby()
        let security = door.implicitSecurity
        let server = try await bootstrap(loops)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .bind(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try lobby.admit(channel, security) }
            }
        return try Listener(door, loops, log, lobby, server)
    }

    /// Opens a Unix socket. A stale one at `path` is replaced; the caller knows that no other server owns it.
    package static func bind(_ door: Door<Session, R>, path: String, loops: Loops, log: Logger) async throws -> Listener {
        let lobby = Lobby()
        let server = try await bootstrap(loops)
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true) { channel in
                PeerCredentials.check(channel).flatMapThrowing { try lobby.admit(channel) }
            }
        return try Listener(door, loops, log, lobby, server)
    }

    private static func bootstrap(_ loops: Loops) -> ServerBootstrap {
        ServerBootstrap(group: loops.group)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
    }

    /// Serves until `close`, then until the last session has ended.
    package func run() async {
        // On the accepting loop itself: a connection changes threads once, if at all.
        await withTaskExecutorPreference(loops.executors[server.channel.eventLoop]) { await accept() }
    }

    private func accept() async {
        do {
            try await server.executeThenClose { accepted in
                await withDiscardingTaskGroup { group in
                    do {
                        for try await (channel, doorbell) in accepted {
                            self.lobby.leave(channel.channel)
                            group.addTask(executorPreference: self.loops.executors[channel.channel.eventLoop]) {
                                await self.serve(channel, doorbell)
                            }
                        }
                    } catch {
                        self.log.debug("listener ended", metadata: ["door": "\(self.door.name)", "error": "\(error)"])
                    }
                    await self.lobby.close()
                }
            }
        } catch {
            log.debug("listener closed", metadata: ["door": "\(door.name)", "error": "\(error)"])
        }
    }

    /// Takes no further connection and asks the sessions to end. Those that have not after `grace` are cut off.
    package func close(grace: Duration) async {
        let bells = open.withLock { open in
            open.isClosing = true
            return Array(open.bells.values)
        }
        server.channel.close(promise: nil)
        for bell in bells { bell.announceShutDown() }
        let end = ContinuousClock.now + grace
        while ContinuousClock.now < end {
            if open.withLock({ $0.bells.isEmpty }) { return }
            try? await Task.sleep(for: .milliseconds(20))
        }
        for bell in open.withLock({ Array($0.bells.values) }) { bell.cut() }
    }

    private func serve(_ channel: NIOAsyncChannel<Arrival, ByteBuffer>, _ doorbell: Doorbell) async {
        var connection = Connection(channel.channel, id: connectionNumber.wrappingAdd(1, ordering: .relaxed).oldValue)
        var log = log
        log[metadataKey: "door"] = "\(door.name)"
        log[metadataKey: "peer"] = "\(connection.peerAddress)"
        log[metadataKey: "connection"] = "\(connection.id)"
        guard limits.enter(connection.peerAddress, isLoopback: connection.isLoopback, door.caps()) else {
            log.notice("refused: too many connections")
            door.refused(connection)
            // An encrypted refusal would cost the handshake that is refused.
            let words = door.implicitSecurity == nil ? door.refusal : []
            try? await channel.executeThenClose { _, outbound in
                if !words.isEmpty { try await outbound.write(ByteBuffer(bytes: words)) }
            }
            return
        }
        defer { limits.leave(connection.peerAddress, isLoopback: connection.isLoopback) }
        let isClosing = open.withLock { open in
            open.bells[connection.id] = doorbell
            return open.isClosing
        }
        defer { open.withLock { _ = $0.bells.removeValue(forKey: connection.id) } }
        if isClosing { doorbell.announceShutDown() }

        let responder = door.responder(connection, doorbell)
        log.debug("connected")
        do {
            try await channel.executeThenClose { arrivals, outbound in
                var arrivals = arrivals.makeAsyncIterator()
                var isGoingDown = false
                if let security = door.implicitSecurity {
                    guard let entry = try await security.wait(&arrivals, doorbell) else { return }
                    connection.tls = entry.tls
                    isGoingDown = entry.isGoingDown
                    responder.secured(entry.tls)
                }
                var session = door.session(connection)
                if isGoingDown { session.shutDown() }
                try await Driver.converse(session, responder, doorbell, log, door.security, &arrivals, outbound)
            }
        } catch let failure as TLSFailure {
            // Anybody can fail at it, as often as he likes.
            if handshakes.mayTell() { log.info("TLS: \(failure)") } else { log.debug("TLS: \(failure)") }
        } catch {
            // The peer went away in the middle: resets and broken pipes are its business.
            log.debug("connection lost", metadata: ["error": "\(error)"])
        }
        await responder.end()
        log.debug("disconnected")
    }
}

/// Lets one line of a second into the log.
private final class FailedHandshakes: Sendable {
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    func mayTell() -> Bool {
        let now = ContinuousClock.now
        return last.withLock { last in
            if let last, now - last < .seconds(1) { return false }
            last = now
            return true
        }
    }
}

extension Connection {
    fileprivate init(_ channel: any Channel, id: UInt64) {
        let peer = channel.remoteAddress
        let local = channel.localAddress
        let address = Self.text(peer)
        self.init(
            peerAddress: address, peerPort: peer?.port ?? 0, localAddress: Self.text(local), localPort: local?.port ?? 0,
            isLoopback: address.isEmpty || address.hasPrefix("127.") || address == "::1", id: id,
            accepted: Int64(time(nil)))
    }

    private static func text(_ address: SocketAddress?) -> String {
        guard let text = address?.ipAddress else { return "" }
        let mapped = "::ffff:"
        return text.hasPrefix(mapped) && text.contains(".") ? String(text.dropFirst(mapped.count)) : text
    }
}
