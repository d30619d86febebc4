import COpenSSL
import Dialogue
import NIOCore
import Testing

@testable import TLS

@Suite struct ServerContextTests {
    static let secret = [UInt8](repeating: 7, count: 32)

    private func engine(_ context: ServerContext) throws -> TLSEngine { try TLSEngine(.server(context)) }

    @Test(
        arguments: [(tls12, "TLSv1.2", "tls-server-end-point"), (tls13, "TLSv1.3", "tls-exporter")], [SelfSignedRequest.Key.ecdsa, .rsa])
    func bothVersions(_ version: (ClosedRange<CInt>, String, String), _ key: SelfSignedRequest.Key) throws {
        let context = try ServerContext([try SelfSignedRequest(name: "mail.example", key: key).make()])
        let server = try engine(context)
        let client = try RawClient(version.0, name: "Mail.Example")
        try client.shake(with: server)
        #expect(server.facts.version == version.1)
        #expect(server.facts.binding?.name == version.2)
        #expect(server.facts.serverName == "mail.example")
        #expect(server.facts.bits >= 128 && !server.facts.isResumed && !server.isVerified)
        client.write("hello")
        server.feed(ByteBuffer(bytes: client.drain()))
        var plain = ByteBuffer()
        _ = try server.read(into: &plain)
        #expect(String(buffer: plain) == "hello")
        try server.write(ByteBuffer(string: "good day"))
        client.feed(server.drain(ByteBufferAllocator()).map { Array($0.readableBytesView) } ?? [])
        #expect(client.read() == "good day")
    }

    @Test func oldVersionsAreRefusedUnlessAskedFor() throws {
        let certificate = try SelfSignedRequest(name: "mail.example", key: .rsa).make()
        let new = try engine(try ServerContext([certificate]))
        #expect(throws: (any Error).self) { try RawClient(tls11).shake(with: new) }
        var options = ServerContext.Options()
        options.minimum = .tls10
        let old = try engine(try ServerContext([certificate], options: options))
        try RawClient(tls11).shake(with: old)
        #expect(old.facts.version == "TLSv1.1")
        options.minimum = .tls13
        let newest = try engine(try ServerContext([certificate], options: options))
        #expect(throws: (any Error).self) { try RawClient(tls12).shake(with: newest) }
    }

    // MARK: Tickets

    /// Whether a second connection, to the context that `second` makes, resumes the session of one to `first`.
    private func resumes(_ versions: ClosedRange<CInt>, name: String? = nil, _ first: ServerContext, _ second: ServerContext) throws -> Bool
    {
        let client = try RawClient(versions, name: name)
        try client.shake(with: try engine(first))
        let server = try engine(second)
        let again = try RawClient(versions, name: name, session: client.finish())
        try again.shake(with: server)
        #expect(again.isResumed == server.facts.isResumed)
        return again.isResumed
    }

    @Test(arguments: [tls12, tls13]) func ticketsResume(_ versions: ClosedRange<CInt>) throws {
        let certificate = try SelfSignedRequest(name: "a.example").make()
        let other = try SelfSignedRequest(name: "b.example").make()
        let context = try ServerContext([certificate, other], tickets: TicketKeys(secret: Self.secret))
        #expect(try resumes(versions, context, context))
        #expect(try resumes(versions, name: "b.example", context, context))
        // A context that was made anew, as when a certificate changes or the server restarts.
        let fresh = try ServerContext([try SelfSignedRequest(name: "a.example").make()], tickets: TicketKeys(secret: Self.secret))
        #expect(try resumes(versions, context, fresh))
        let stranger = try ServerContext([certificate], tickets: TicketKeys(secret: [UInt8](repeating: 8, count: 32)))
        #expect(try !resumes(versions, context, stranger))
        let none = try ServerContext([certificate])
        #expect(try !resumes(versions, none, none))
    }

    /// RFC 8446 §C.4: a ticket is for one connection, which brings the next one.
    @Test(arguments: [tls12, tls13]) func oneAfterTheOther(_ versions: ClosedRange<CInt>) throws {
        let certificate = try SelfSignedRequest(name: "a.example").make()
        let context = try ServerContext([certificate], tickets: TicketKeys(secret: Self.secret))
        var session: RawClient.Session?
        for number in 0..<4 {
            let client = try RawClient(versions, session: session)
            let server = try engine(context)
            try client.shake(with: server)
            #expect(client.isResumed == (number > 0))
            server.feed(ByteBuffer(bytes: client.drain()))
            let next = client.finish()
            // The library keeps the old one where none came.
            #expect(next.map(\.ticket) != session.map(\.ticket) || versions == tls12)
            session = next
        }
    }

    @Test(arguments: [tls12, tls13]) func ticketKeysGrowOld(_ versions: ClosedRange<CInt>) throws {
        let certificate = try SelfSignedRequest(name: "a.example").make()
        func context(_ later: Int64) throws -> ServerContext {
            let now = 1_000 * TicketKeys.period + later
            return try ServerContext([certificate], tickets: TicketKeys(secret: Self.secret) { now })
        }
        let first = try context(0)
        #expect(try resumes(versions, first, try context(TicketKeys.period - 1)))
        #expect(try resumes(versions, first, try context(TicketKeys.period)))
        #expect(try !resumes(versions, first, try context(2 * TicketKeys.period)))
    }

    // MARK: SNI

    @Test(arguments: [tls12, tls13]) func theNameChoosesTheCertificate(_ versions: ClosedRange<CInt>) throws {
        let names = ["first.example", "b.example", "*.wild.example", "exact.wild.example"]
        let certificates = try names.map { try SelfSignedRequest(name: $0).make() }
        let context = try ServerContext(certificates)
        let cases: [(String?, Int)] = [
            (nil, 0), ("first.example", 0), ("B.EXAMPLE", 1), ("any.wild.example", 2), ("exact.wild.example", 3), ("a.b.wild.example", 0),
            ("unknown.example", 0), ("192.0.2.1", 0),
        ]
        for (name, place) in cases {
            let client = try RawClient(versions, name: name)
            try client.shake(with: try engine(context))
            #expect(client.peerKeyHash == certificates[place].publicKeyHash, "\(name ?? "no name")")
        }
    }

    // MARK: Bad input

    @Test func handshakesOfAllLengthsAndKinds() throws {
        let context = try ServerContext([try SelfSignedRequest(name: "a.example").make()], tickets: TicketKeys(secret: Self.secret))
        let hellos = [try RawClient(tls12, name: "a.example").hello(), try RawClient(tls13, name: "a.example").hello()]
        var random = Generator(state: 20_261_127)
        for hello in hellos {
            #expect(hello.count > 100)
            // Cut anywhere: the server waits.
            for length in stride(from: 0, to: hello.count, by: 3) {
                let server = try engine(context)
                server.feed(ByteBuffer(bytes: hello[..<length]))
                let handshake = try server.shakeHands()
                #expect(handshake == .goesOn)
                #expect(server.drain(ByteBufferAllocator()) == nil)
            }
            // Broken anywhere: no trap, and no more than an answer.
            for _ in 0..<2_000 {
                var bytes = hello
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                let server = try engine(context)
                server.feed(ByteBuffer(bytes: bytes))
                _ = try? server.shakeHands()
                _ = try? server.shakeHands()
                #expect((server.drain(ByteBufferAllocator())?.readableBytes ?? 0) < 16_384)
            }
        }
        for text in ["EHLO me\r\n", "GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}", String(repeating: "\u{0}", count: 70_000)] {
            let server = try engine(context)
            server.feed(ByteBuffer(string: text))
            if text.utf8.count >= 5 { #expect(throws: TLSFailure.self) { try server.shakeHands() } }
        }
    }
}

struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}
