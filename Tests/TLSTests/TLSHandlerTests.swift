import Dialogue
import NIOCore
import NIOPosix
import Resolution
import Synchronization
import Testing

@testable import TLS

/// Both sides of the handler over loopback.
@Suite struct TLSHandlerTests {
    static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// What one end saw.
    final class Record: Sendable {
        struct Seen {
            var bytes: [UInt8] = []
            var secured: TLSFacts?
            var sawEnd = false
            var isInactive = false
            var error: (any Error)?
        }
        let seen = Mutex(Seen())

        /// Up to ten seconds.
        func wait(_ isDone: @Sendable (Seen) -> Bool) async -> Bool {
            for _ in 0..<1_000 {
                if seen.withLock({ isDone($0) }) { return true }
                try? await Task.sleep(for: .milliseconds(10))
            }
            return false
        }
    }

    final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let record: Record
        init(_ record: Record) { self.record = record }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            record.seen.withLock { $0.bytes += bytes }
        }
        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let secured = event as? TLSSecured { record.seen.withLock { $0.secured = secured.facts } }
            if case ChannelEvent.inputClosed = event { record.seen.withLock { $0.sawEnd = true } }
        }
        func channelInactive(context: ChannelHandlerContext) { record.seen.withLock { $0.isInactive = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { record.seen.withLock { $0.error = error } }
    }

    /// A server with the handler in place, or put there by `farewell`, and what it sees.
    private func serve(_ pool: HandshakePool, farewell: String? = nil) async throws -> (port: Int, accepted: Accepted, channel: any Channel)
    {
        let context = try ServerContext([try SelfSignedRequest(name: "a.example").make()])
        let accepted = Accepted()
        let channel = try await ServerBootstrap(group: Self.group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let record = Record()
                    let handler = try TLSHandler.server(context, pool: pool, farewell: farewell.map { ByteBuffer(string: $0) })
                    try channel.pipeline.syncOperations.addHandler(handler)
                    try channel.pipeline.syncOperations.addHandler(Recorder(record))
                    accepted.all.withLock { $0.append((channel, record)) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return (channel.localAddress?.port ?? 0, accepted, channel)
    }

    final class Accepted: Sendable {
        let all = Mutex<[(any Channel, Record)]>([])
        func first() async -> (any Channel, Record)? {
            for _ in 0..<1_000 {
                if let one = all.withLock({ $0.first }) { return one }
                try? await Task.sleep(for: .milliseconds(10))
            }
            return nil
        }
    }

    private func connect(_ port: Int, tls: ClientContext?, _ pool: HandshakePool) async throws -> (any Channel, Record) {
        let record = Record()
        let channel = try await ClientBootstrap(group: Self.group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            TLSHandler.client(tls, to: "a.example", proof: .nothing, pool: pool))
                    }
                    try channel.pipeline.syncOperations.addHandler(Recorder(record))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return (channel, record)
    }

    @Test func aLargeWriteThenCloseDeliversAll() async throws {
        let pool = HandshakePool(threads: 1)
        let (port, accepted, door) = try await serve(pool)
        let (client, seen) = try await connect(port, tls: try ClientContext(), pool)
        #expect(await seen.wait { $0.secured?.version == "TLSv1.3" })
        let (server, theirs) = try #require(await accepted.first())
        #expect(await theirs.wait { $0.secured != nil })
        let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        server.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
        server.close(promise: nil)
        // close_notify is told as the end of input.
        #expect(await seen.wait { $0.sawEnd })
        #expect(seen.seen.withLock { $0.bytes == bytes && $0.error == nil })
        try? await client.close()
        #expect(await theirs.wait { $0.isInactive })
        try await door.close()
    }

    @Test func theFarewellLeavesInTheClear() async throws {
        let pool = HandshakePool(threads: 1)
        let (port, _, door) = try await serve(pool, farewell: "220 Go\r\n")
        let (client, seen) = try await connect(port, tls: nil, pool)
        #expect(await seen.wait { String(decoding: $0.bytes, as: UTF8.self) == "220 Go\r\n" })
        // What is no handshake gets an alert and the end, with a reason on the server's side.
        client.writeAndFlush(ByteBuffer(string: "EHLO me.example\r\n"), promise: nil)
        #expect(await seen.wait { $0.sawEnd || $0.isInactive })
        try? await client.close()
        try await door.close()
    }

    @Test func aPeerThatLeavesInTheMiddle() async throws {
        let pool = HandshakePool(threads: 1)
        let (port, accepted, door) = try await serve(pool)
        let (client, _) = try await connect(port, tls: nil, pool)
        let hello = try RawClient(tls13).hello()
        try await client.writeAndFlush(ByteBuffer(bytes: hello.prefix(100)))
        let (_, theirs) = try #require(await accepted.first())
        try await client.close()
        #expect(await theirs.wait { $0.isInactive })
        #expect(theirs.seen.withLock { ($0.error as? TLSFailure)?.kind == .truncated })
        try await door.close()
    }

    @Test func aHandshakeWithoutEndIsCut() async throws {
        let pool = HandshakePool(threads: 1)
        let (port, accepted, door) = try await serve(pool)
        let (client, _) = try await connect(port, tls: nil, pool)
        // Records that each promise more of a ClientHello.
        let record: [UInt8] = [22, 3, 1, 0x40, 0] + [1, 0x7F, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 0x4000 - 4)
        for _ in 0..<20 { client.writeAndFlush(ByteBuffer(bytes: record), promise: nil) }
        let (_, theirs) = try #require(await accepted.first())
        #expect(await theirs.wait { $0.isInactive })
        #expect(theirs.seen.withLock { $0.error is TLSFailure })
        try? await client.close()
        try await door.close()
    }

    @Test func aFloodOfHandshakesIsBounded() async throws {
        // A pool that can do nothing: whoever needs it is refused, the loop goes on.
        let (port, accepted, door) = try await serve(HandshakePool(threads: 1, limit: 0))
        let (client, seen) = try await connect(port, tls: try ClientContext(), HandshakePool(threads: 1))
        let (_, theirs) = try #require(await accepted.first())
        #expect(await theirs.wait { $0.isInactive })
        #expect(theirs.seen.withLock { ($0.error as? TLSFailure)?.kind == .overloaded })
        #expect(await seen.wait { $0.isInactive && $0.error != nil })
        try? await client.close()
        try await door.close()
        // And many at once through one thread.
        let pool = HandshakePool(threads: 1)
        let (busy, _, other) = try await serve(pool)
        let context = try ClientContext()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<60 {
                group.addTask {
                    let (client, seen) = try await self.connect(busy, tls: context, pool)
                    #expect(await seen.wait { $0.secured != nil })
                    try? await client.close()
                }
            }
            try await group.waitForAll()
        }
        try await other.close()
    }
}
