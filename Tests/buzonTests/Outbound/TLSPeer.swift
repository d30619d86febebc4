import Dialogue
import NIOCore
import NIOPosix
import Synchronization
import TLS

@testable import Network

/// A server on loopback that answers what begins with some words: in the clear until STARTTLS, or encrypted from the first byte.
final class TLSPeer: Sendable {
    static let pool = HandshakePool(threads: 1)
    static let loops = Loops(threads: 1)

    typealias Answers = [(String, String)]

    /// As a mail server, `STARTTLS` included.
    static let mail: Answers = [
        ("", "220 peer.test ESMTP\r\n"), ("EHLO", "250-peer.test\r\n250 STARTTLS\r\n"), ("STARTTLS", "220 Go\r\n"),
        ("QUIT", "221 Bye\r\n"),
    ]

    let port: Int
    private let channel: any Channel
    private let names = Names()

    /// The names that SNI asked for.
    var asked: [String?] { names.asked.withLock { $0 } }

    private final class Names: Sendable {
        let asked = Mutex<[String?]>([])
    }

    /// The answer to nothing is the banner, where there is one.
    init(_ certificate: Certificate, _ answers: Answers, isImplicit: Bool = false, closes: Bool = false) async throws {
        let context = try ServerContext([certificate])
        let names = names
        channel = try await ServerBootstrap(group: Self.loops.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isImplicit { try channel.pipeline.syncOperations.addHandler(TLSHandler.server(context, pool: Self.pool)) }
                    try channel.pipeline.syncOperations.addHandler(Handler(context, answers, closes, names))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func close() async { try? await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let context: ServerContext
        private let answers: Answers
        private let closes: Bool
        private let names: Names
        private var held = ""

        init(_ context: ServerContext, _ answers: Answers, _ closes: Bool, _ names: Names) {
            (self.context, self.answers, self.closes, self.names) = (context, answers, closes, names)
        }

        func channelActive(context: ChannelHandlerContext) {
            if let banner = answers.first(where: { $0.0.isEmpty }) { say(banner.1, context) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let secured = event as? TLSSecured { names.asked.withLock { $0.append(secured.facts.serverName) } }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            held += String(buffer: unwrapInboundIn(data))
            guard held.hasSuffix("\r\n") else { return }
            let text = held
            held = ""
            guard let answer = answers.first(where: { !$0.0.isEmpty && text.hasPrefix($0.0) }) else { return }
            if answer.0 == "STARTTLS" {
                let reply = ByteBuffer(string: answer.1)
                guard let handler = try? TLSHandler.server(self.context, pool: TLSPeer.pool, farewell: reply) else { return }
                try? context.pipeline.syncOperations.addHandler(handler, position: .first)
                return
            }
            say(answer.1, context)
            if closes { context.close(promise: nil) }
        }

        private func say(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}
