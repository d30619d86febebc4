import Dialogue
import Foundation
import NIOCore
import Resolution
import Testing

@testable import TLS

@Suite struct ClientContextTests {
    /// A handshake of our client with our server. Throws what the client throws.
    private func shake(
        _ certificate: Certificate, name: String? = "mail.example", _ proof: PeerProof, roots: String? = nil
    ) throws -> (client: TLSEngine, server: TLSEngine) {
        let server = try TLSEngine(.server(try ServerContext([certificate])))
        let context = try ClientContext(.init(rootsFile: roots))
        let client = try TLSEngine(.client(context, name: name, proof))
        let allocator = ByteBufferAllocator()
        for _ in 0..<20 {
            let result = Swift.Result { () throws(TLSFailure) in try client.shakeHands() }
            if let bytes = client.drain(allocator) { server.feed(bytes) }
            let mine = try result.get()
            let theirs = try server.shakeHands()
            if let bytes = server.drain(allocator) { client.feed(bytes) }
            if mine == .done, theirs == .done { return (client, server) }
        }
        throw TLSFailure(.handshake, "no end")
    }

    private func kind<Result>(_ body: () throws -> Result) -> TLSFailure.Kind? {
        do {
            _ = try body()
            return nil
        } catch { return (error as? TLSFailure)?.kind }
    }

    private func file(_ certificate: Certificate, _ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try certificate.chainPEM.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func opportunisticTakesAnything() throws {
        var request = SelfSignedRequest(name: "other.example")
        request.days = -1
        let (client, server) = try shake(try request.make(), .nothing)
        #expect(!client.isVerified)
        #expect(client.facts.version == "TLSv1.3" && server.facts.serverName == "mail.example")
        #expect(client.facts.binding == server.facts.binding)
        #expect(try shake(try request.make(), name: "192.0.2.1", .nothing).server.facts.serverName == nil)
    }

    @Test func certificatesAreVerified() throws {
        let good = try SelfSignedRequest(name: "mail.example").make()
        let proof = PeerProof.certificate(names: ["mail.example"])
        try file(good) { (path: String) throws in
            #expect(try shake(good, proof, roots: path).client.isVerified)
            #expect(kind { try shake(good, .certificate(names: ["other.example"]), roots: path) } == .hostMismatch)
            #expect(try shake(good, .certificate(names: ["other.example", ".example"]), roots: path).client.isVerified)
        }
        #expect(kind { try shake(good, proof) } == .notTrusted)
        #expect(kind { try shake(good, .certificate(names: [])) } == .configuration)
        var request = SelfSignedRequest(name: "mail.example")
        request.days = -1
        let old = try request.make()
        try file(old) { (path: String) throws in #expect(kind { try shake(old, proof, roots: path) } == .certificateExpired) }
    }

    @Test func recordsAreVerified() throws {
        var request = SelfSignedRequest(name: "other.example")
        request.days = -1
        let certificate = try request.make()
        func record(_ usage: UInt8, _ selector: UInt8, _ type: UInt8, _ data: [UInt8]) -> TLSARecord {
            TLSARecord(usage: usage, selector: selector, matchingType: type, data: data)
        }
        func proof(_ records: TLSARecord...) -> PeerProof { .dane(records, names: ["mail.example"]) }
        let key = record(3, 1, 1, certificate.publicKeyHash)
        let wrong = record(3, 1, 1, [UInt8](repeating: 1, count: 32))
        // RFC 7672 §3.1.1: neither the name nor the dates of a DANE-EE certificate count.
        #expect(try shake(certificate, proof(key)).client.isVerified)
        #expect(try shake(certificate, proof(record(3, 0, 1, certificate.fingerprint))).client.isVerified)
        #expect(try shake(certificate, proof(wrong, key)).client.isVerified)
        #expect(kind { try shake(certificate, proof(wrong)) } == .notTrusted)
        #expect(kind { try shake(certificate, proof()) } == .notTrusted)
        // Usages 0 and 1 are none for mail; lengths must fit.
        #expect(kind { try shake(certificate, proof(record(1, 1, 1, certificate.publicKeyHash))) } == .notTrusted)
        #expect(kind { try shake(certificate, proof(record(3, 1, 1, [1, 2]))) } == .notTrusted)
        #expect(kind { try shake(certificate, proof(record(9, 9, 9, []))) } == .notTrusted)
    }

    // MARK: Sessions

    /// A handshake under a place, and the reading of what the server sent behind it. Answers whether a session was resumed.
    private func resumes(
        _ context: ClientContext, _ server: ServerContext, name: String = "mail.example", _ proof: PeerProof = .nothing,
        place: String? = "192.0.2.1 25"
    ) throws -> Bool {
        let server = try TLSEngine(.server(server))
        let client = try TLSEngine(.client(context, name: name, proof, place: place))
        let allocator = ByteBufferAllocator()
        for _ in 0..<20 {
            let mine = try client.shakeHands()
            if let bytes = client.drain(allocator) { server.feed(bytes) }
            let theirs = try server.shakeHands()
            if let bytes = server.drain(allocator) { client.feed(bytes) }
            guard mine == .done, theirs == .done else { continue }
            var buffer = ByteBuffer()
            #expect(try client.read(into: &buffer) == .wantsMore)
            #expect(client.facts.isResumed == server.facts.isResumed)
            if case .nothing = proof {} else { #expect(client.isVerified) }
            // A connection that is cut takes its session along.
            client.sayGoodbye()
            return client.facts.isResumed
        }
        throw TLSFailure(.handshake, "no end")
    }

    @Test(arguments: [tls12, tls13]) func theSecondConnectionResumes(_ versions: ClosedRange<CInt>) throws {
        let certificate = try SelfSignedRequest(name: "mail.example").make()
        let server = try ServerContext([certificate], tickets: TicketKeys(secret: ServerContextTests.secret))
        if versions == tls12 { server.limit(to: .tls12) }
        func record(_ hash: [UInt8]) -> TLSARecord { TLSARecord(usage: 3, selector: 1, matchingType: 1, data: hash) }
        let dane = PeerProof.dane([record(certificate.publicKeyHash)], names: ["mail.example"])
        try file(certificate) { (path: String) throws in
            let context = try ClientContext(.init(rootsFile: path))
            #expect(try !resumes(context, server))
            #expect(try resumes(context, server))
            #expect(try resumes(context, server), "and the third one")
            // What proved less, or something else, is not enough.
            for proof in [PeerProof.certificate(names: ["mail.example"]), .wished(names: ["mail.example"]), dane] {
                #expect(try !resumes(context, server, proof))
                #expect(try resumes(context, server, proof))
            }
            let more = PeerProof.dane([record(certificate.publicKeyHash), record(certificate.fingerprint)], names: ["mail.example"])
            #expect(try !resumes(context, server, more))
            // Another place, another name, no place, another process.
            #expect(try !resumes(context, server, place: "192.0.2.2 25"))
            #expect(try !resumes(context, server, name: "other.example"))
            #expect(try !resumes(context, server, place: nil) && !resumes(context, server, place: nil))
            #expect(try !resumes(try ClientContext(.init(rootsFile: path)), server, dane))
            // A server with other keys makes a new one.
            let stranger = try ServerContext([certificate], tickets: TicketKeys(secret: [UInt8](repeating: 8, count: 32)))
            #expect(try !resumes(context, stranger))
            #expect(try resumes(context, stranger))
        }
    }

    @Test func sessionsAreBounded() {
        let cache = SessionCache()
        func key(_ number: Int) -> SessionCache.Key { .init(place: "\(number)", name: nil, proof: .nothing) }
        for number in 0..<10_000 { cache.keep([1], for: key(number)) }
        #expect(cache.count <= SessionCache.limit && cache.count > SessionCache.limit / 2)
        #expect(cache.take(key(9_999)) == [1] && cache.take(key(9_999)) == nil && cache.take(key(0)) == nil)
        cache.keep([UInt8](repeating: 1, count: SessionCache.sizeLimit + 1), for: key(0))
        cache.keep([], for: key(1))
        #expect(cache.take(key(0)) == nil && cache.take(key(1)) == nil)
    }

    @Test func whatIsOnlyWishedForIsTold() throws {
        let good = try SelfSignedRequest(name: "mail.example").make()
        try file(good) { (path: String) throws in
            let proven = try shake(good, .wished(names: ["mail.example"]), roots: path).client
            #expect(proven.isVerified && proven.shortfall == nil)
            let other = try shake(good, .wished(names: ["other.example"]), roots: path).client
            #expect(!other.isVerified && other.shortfall?.kind == .hostMismatch)
        }
        #expect(try shake(good, .wished(names: ["mail.example"])).client.shortfall?.kind == .notTrusted)
        #expect(try shake(good, .nothing).client.shortfall == nil)
    }

    @Test func theBaseDomainIsAskedFor() throws {
        let certificate = try SelfSignedRequest(name: "real.example").make()
        let record = TLSARecord(usage: 3, selector: 1, matchingType: 1, data: certificate.publicKeyHash)
        let server = try shake(certificate, name: "alias.example", .dane([record], names: ["real.example", "example"])).server
        #expect(server.facts.serverName == "real.example")
    }

    @Test func rootsThatAreNone() throws {
        let made = kind { try ClientContext(.init(rootsFile: "/nonexistent")) }
        #expect(made == .configuration)
    }
}
