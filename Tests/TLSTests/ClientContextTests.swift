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

    @Test func rootsThatAreNone() throws {
        let made = kind { try ClientContext(.init(rootsFile: "/nonexistent")) }
        #expect(made == .configuration)
    }
}
