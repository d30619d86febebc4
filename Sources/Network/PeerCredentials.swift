import Glibc
import NIOCore

/// Who is at the other end of a Unix socket: `struct ucred`, which Swift's Glibc module lacks.
struct PeerCredentials: Sendable {
    struct Stranger: Error {}

    private var process: Int32 = 0
    private var user: UInt32 = 0
    private var group: UInt32 = 0

    /// Fails, and so closes the connection, unless the peer is of this account or root.
    static func check(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(Stranger())
        }
        // <asm-generic/socket.h>: SO_PEERCRED.
        let credentials: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: 17))
        return credentials.flatMapThrowing { peer in
            guard peer.user == geteuid() || peer.user == 0 else { throw Stranger() }
        }
    }
}
