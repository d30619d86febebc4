import Dialogue
import NIOCore
import NIOPosix
import SMTP
import Synchronization
import TLS
import Testing

@testable import Network

/// A mail server on loopback that says what it is told to, for one test. It lives on a loop of its own and counts what it heard.
final class ScriptedPeer: Sendable {
    /// What follows a line.
    enum Answer: Sendable {
        case say(String)
        /// Nothing: the client waits.
        case hang
        case close
        /// 220, then TLS.
        case startTLS
    }

    struct Script: Sendable {
        var banner = Answer.say("220 peer.example ESMTP\r\n")
        /// The first whose key begins the line.
        var answers: [(String, Answer)] = []
        /// After the content's dot.
        var end = Answer.say("250 2.0.0 Queued\r\n")
        /// The connection is encrypted from its first byte.
        var isImplicit = false
        var certificate: Certificate?

        static let plain: [(String, Answer)] = [
            ("EHLO", .say("250-peer.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")), ("MAIL", .say("250 2.1.0 Ok\r\n")),
            ("RCPT", .say("250 2.1.5 Ok\r\n")), ("DATA", .say("354 Go on\r\n")), ("RSET", .say("250 Ok\r\n")),
            ("QUIT", .say("221 Bye\r\n")),
        ]

        init(_ answers: [(String, Answer)] = [], certificate: Certificate? = nil) {
            self.certificate = certificate
            // Offered until it is used: `STARTTLS` is answered once for each connection.
            let ehlo: [(String, Answer)] =
                certificate == nil
                ? [] : [("EHLO", .say("250-peer.example\r\n250-STARTTLS\r\n250 PIPELINING\r\n")), ("STARTTLS", .startTLS)]
            self.answers = answers + ehlo + Self.plain
        }
    }

    let port: Int
    private let box: Box
    private let channel: any Channel
    static let pool = HandshakePool(threads: 1)
    static let loops = Loops(threads: 1)

    /// All that clients said.
    var text: String { box.heard.withLock { $0 } }
    /// The addresses of the clients.
    var clients: [String] { box.clients.withLock { $0 } }

    init(_ script: Script, host: String = "127.0.0.1") async throws {
        let tickets = TicketKeys(secret: [UInt8](repeating: 7, count: 32))
        let context = try script.certificate.map { try ServerContext([$0], tickets: tickets) }
        let box = Box()
        self.box = box
        channel = try await ServerBootstrap(group: Self.loops.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if script.isImplicit, let context {
                        try channel.pipeline.syncOperations.addHandler(TLSHandler.server(context, pool: Self.pool))
                    }
                    try channel.pipeline.syncOperations.addHandler(Handler(script, context, box))
                }
            }
            .bind(host: host, port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func close() async { try? await channel.close() }

    fileprivate final class Box: Sendable {
        let heard = Mutex("")
        let clients = Mutex<[String]>([])
    }

    fileprivate final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let script: Script
        private let context: ServerContext?
        private let box: Box
        private var line: [UInt8] = []
        private var isContent = false
        private var isSecured = false

        init(_ script: Script, _ context: ServerContext?, _ box: Box) {
            (self.script, self.context, self.box) = (script, context, box)
        }

        func channelActive(context: ChannelHandlerContext) {
            let client = context.remoteAddress?.ipAddress ?? ""
            box.clients.withLock { $0.append(client) }
            if !script.isImplicit { perform(script.banner, context) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard event is TLSSecured else { return }
            isSecured = true
            if script.isImplicit { perform(script.banner, context) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            box.heard.withLock { $0 += String(buffer: buffer) }
            for byte in buffer.readableBytesView {
                line.append(byte)
                guard byte == 0x0A else { continue }
                let text = String(decoding: line.dropLast(2), as: UTF8.self)
                line = []
                if isContent {
                    guard text == "." else { continue }
                    isContent = false
                    perform(script.end, context)
                    continue
                }
                // Once encrypted, STARTTLS is not offered again.
                let answers = isSecured ? Script.plain : script.answers
                guard let answer = answers.first(where: { text.hasPrefix($0.0) })?.1 else { continue }
                if text == "DATA", case .say(let words) = answer, words.hasPrefix("354") { isContent = true }
                perform(answer, context)
            }
        }

        private func perform(_ answer: Answer, _ context: ChannelHandlerContext) {
            switch answer {
            case .say(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .hang: break
            case .close: context.close(promise: nil)
            case .startTLS:
                guard let tls = self.context,
                    let handler = try? TLSHandler.server(tls, pool: ScriptedPeer.pool, farewell: ByteBuffer(string: "220 Go\r\n"))
                else { return context.close(promise: nil) }
                try? context.pipeline.syncOperations.addHandler(handler, position: .first)
            }
        }
    }
}
