import COpenSSL
import NIOCore
import Resolution
import Testing

@testable import TLS

/// Handshakes that somebody tampers with, from either side. The seed is fixed: a failure comes again.
@Suite(.serialized) struct HandshakeFuzzTests {
    private enum Side: CaseIterable { case client, server }

    /// What is done to one flight of the tampered side.
    private enum Mutation: CaseIterable {
        case cut, flip, insert, drop, repeatRecord, swapRecords, resize, retype, garbage, splitRecord, empties, flood
    }

    /// What came of a handshake.
    private struct Course {
        var failure: TLSFailure?
        var isDone = false
        /// Octets that the honest side sent.
        var sent = 0
    }

    private let certificate: Certificate
    private let server: ServerContext
    private let client: ClientContext
    private let proof: PeerProof

    init() throws {
        certificate = try SelfSignedRequest(name: "mail.example").make()
        server = try ServerContext([certificate], tickets: TicketKeys(secret: ServerContextTests.secret))
        client = try ClientContext()
        proof = .dane(
            [TLSARecord(usage: 3, selector: 1, matchingType: 1, data: certificate.publicKeyHash)], names: ["mail.example"])
    }

    /// A handshake in which `tamper` changes what `side` sends, by flight. The other side is ours and honest.
    private func shake(_ side: Side, _ version: TLSVersion, _ tamper: (Int, [UInt8]) -> [UInt8]) throws -> Course {
        if version == .tls12 { server.limit(to: .tls12) } else { server.limit(to: .tls13) }
        let there = try TLSEngine(.server(server))
        let here = try TLSEngine(.client(client, name: "mail.example", proof))
        let (honest, tampered) = side == .client ? (there, here) : (here, there)
        let allocator = ByteBufferAllocator()
        var course = Course()
        var flight = 0
        for _ in 0..<8 {
            // The tampered side's own troubles don't count.
            _ = try? tampered.shakeHands()
            if let bytes = tampered.drain(allocator) {
                honest.feed(ByteBuffer(bytes: tamper(flight, Array(bytes.readableBytesView))))
                flight += 1
            }
            do throws(TLSFailure) {
                if try honest.shakeHands() == .done { course.isDone = true }
            } catch {
                course.failure = error
            }
            if let bytes = honest.drain(allocator) {
                course.sent += bytes.readableBytes
                tampered.feed(bytes)
            }
            if course.failure != nil || course.isDone { break }
        }
        guard course.isDone else { return course }
        #expect(side == .client || honest.isVerified, "a client that is done has proof")
        // Whatever follows, too, ends in bytes, in waiting, or in an error.
        var plain = ByteBuffer()
        do throws(TLSFailure) { _ = try honest.read(into: &plain) } catch { course.failure = error }
        return course
    }

    /// TLS records as they follow each other; what is none at the end counts as one.
    private func records(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var records: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while rest.count >= 5 {
            let length = 5 + Int(rest[rest.startIndex + 3]) << 8 + Int(rest[rest.startIndex + 4])
            records.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return rest.isEmpty ? records : records + [rest]
    }

    private func mutate(_ bytes: [UInt8], _ mutation: Mutation, _ random: inout Generator) -> [UInt8] {
        var bytes = bytes
        var parts = records(bytes)
        func byte() -> UInt8 { UInt8.random(in: 0...255, using: &random) }
        switch mutation {
        case .cut: return Array(bytes.prefix(Int.random(in: 0..<max(1, bytes.count), using: &random)))
        case .flip:
            for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8(1) << UInt8.random(in: 0...7, using: &random)
            }
            return bytes
        case .insert:
            let place = Int.random(in: 0...bytes.count, using: &random)
            bytes.insert(contentsOf: (0..<Int.random(in: 1...64, using: &random)).map { _ in byte() }, at: place)
            return bytes
        case .drop:
            if !parts.isEmpty { parts.remove(at: Int.random(in: 0..<parts.count, using: &random)) }
        case .repeatRecord:
            if let part = parts.randomElement(using: &random) { parts.insert(part, at: Int.random(in: 0...parts.count, using: &random)) }
        case .swapRecords: parts.shuffle(using: &random)
        case .resize:
            guard bytes.count > 5 else { return bytes }
            (bytes[3], bytes[4]) = (byte(), byte())
            return bytes
        case .retype:
            guard let start = parts.randomElement(using: &random)?.startIndex else { return bytes }
            bytes[start] = UInt8.random(in: 18...26, using: &random)
            return bytes
        case .garbage: return (0..<Int.random(in: 1...4_096, using: &random)).map { _ in byte() }
        case .splitRecord:
            // RFC 8446 §5.1: a handshake message may lie in several records; here in as many as it has bytes.
            guard let part = parts.first, part.count > 5, part.first == 22 else { return bytes }
            let head = part.prefix(3)
            return part.dropFirst(5).prefix(300).flatMap { head + [0, 1, $0] } + parts.dropFirst().joined()
        case .empties: return (0..<200).flatMap { _ in [22, 3, 3, 0, 0] as [UInt8] } + bytes
        case .flood:
            // A message that claims 16 MiB, and goes on.
            return (0..<40).flatMap { _ in [22, 3, 3, 0x40, 0] + [2, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 0, count: 0x4000 - 4) }
        }
        return Array(parts.joined())
    }

    @Test(arguments: [TLSVersion.tls12, .tls13]) func untouchedItSucceeds(_ version: TLSVersion) throws {
        for side in Side.allCases {
            let course = try shake(side, version) { $1 }
            #expect(course.isDone && course.failure == nil)
        }
    }

    /// Every mutation of every flight, from both sides: it ends, in an error that says something, in waiting, or well; little is sent.
    @Test(arguments: [TLSVersion.tls12, .tls13]) func everyFlightTamperedWith(_ version: TLSVersion) throws {
        var random = Generator(state: 20_261_128)
        let begin = ContinuousClock.now
        var outcomes = [String: Int]()
        for side in Side.allCases {
            for mutation in Mutation.allCases {
                for run in 0..<60 {
                    let flight = run % 2
                    let course = try shake(side, version) { $0 == flight ? mutate($1, mutation, &random) : $1 }
                    if let failure = course.failure {
                        #expect(!failure.detail.isEmpty)
                        outcomes["failed", default: 0] += 1
                    } else {
                        outcomes[course.isDone ? "done" : "waits", default: 0] += 1
                    }
                    #expect(course.sent < 16_384, "\(side) \(mutation)")
                    if case .garbage = mutation, flight == 0 { #expect(!course.isDone) }
                }
            }
        }
        // The mutations bite, and not all of them break everything.
        #expect((outcomes["failed"] ?? 0) > 500 && (outcomes["waits"] ?? 0) > 20, "\(outcomes)")
        #expect(ContinuousClock.now - begin < .seconds(120))
    }

    /// A handshake cut after each of its bytes: the honest side waits, and never says more than it does in a whole one.
    @Test(arguments: [TLSVersion.tls12, .tls13]) func cutAnywhere(_ version: TLSVersion) throws {
        for side in Side.allCases {
            for flight in 0..<2 {
                var length = 0
                _ = try shake(side, version) {
                    if $0 == flight { length = $1.count }
                    return $1
                }
                for end in stride(from: 0, to: length, by: max(1, length / 120)) {
                    // Signatures differ in length by a byte or two from one handshake to the next.
                    let course = try shake(side, version) {
                        $0 == flight ? Array($1.prefix(min(end, $1.count - 1))) : $0 > flight ? [] : $1
                    }
                    #expect(course.failure == nil && !course.isDone, "\(side) \(flight) \(end)")
                    #expect(course.sent < 16_384)
                }
            }
        }
    }

    /// Whoever answers a client with another key, in its own flawless handshake, proves nothing.
    @Test(arguments: [TLSVersion.tls12, .tls13]) func aHostileServerWithAnotherKey(_ version: TLSVersion) throws {
        let stranger = try ServerContext([try SelfSignedRequest(name: "mail.example").make()])
        stranger.limit(to: version)
        let there = try TLSEngine(.server(stranger))
        let here = try TLSEngine(.client(client, name: "mail.example", proof))
        let allocator = ByteBufferAllocator()
        var failure: TLSFailure?
        for _ in 0..<8 where failure == nil {
            do throws(TLSFailure) { _ = try here.shakeHands() } catch { failure = error }
            if let bytes = here.drain(allocator) { there.feed(bytes) }
            _ = try? there.shakeHands()
            if let bytes = there.drain(allocator) { here.feed(bytes) }
        }
        #expect(failure?.kind == .notTrusted)
    }
}
