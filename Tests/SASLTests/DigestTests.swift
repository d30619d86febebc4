import Dialogue
import Testing

@testable import SASL

/// Realms and second logins: what DIGEST-MD5 has beside the others.
@Suite struct DigestTests {
    let users = SomeUsers()

    private func exchange() throws -> any AuthenticationExchange {
        try SASLLibrary.load().exchange(ExchangeTerms(service: "smtp", host: "mail.host", isProtected: true), users)
    }

    private func challenge(_ outcome: AuthenticationOutcome) throws -> [UInt8] {
        guard case .challenge(let bytes) = outcome else { throw NoChallenge(outcome: outcome) }
        return bytes
    }

    private struct NoChallenge: Error { var outcome: AuthenticationOutcome }

    private func login(_ client: DigestClient) throws -> AuthenticationOutcome {
        let server = try exchange()
        let response = client.response(to: try challenge(server.take(.begin(mechanism: "DIGEST-MD5", initial: nil))))
        let outcome = server.take(.response(try #require(response)))
        guard case .challenge(let proof) = outcome else { return outcome }
        #expect(proof.starts(with: "rspauth=".utf8))
        return server.take(.response(Secret([])))
    }

    /// The server offers its own name; whole addresses are the users, in whatever realm, and a bare name is one in the realm of its domain.
    @Test(arguments: [
        ("ana@mi.dominio", "mail.host", true), ("ana@mi.dominio", "", true), ("ana@mi.dominio", "mi.dominio", true),
        ("ana@mi.dominio", "otro.dominio", true), ("ANA@mi.dominio", "MI.dominio", true), ("ana", "mi.dominio", true),
        ("ANA", "Mi.Dominio", true), ("ana", "otro.dominio", false), ("ana", "mail.host", false), ("ana", "", false),
        ("ana@mi.dominio@mi.dominio", "mail.host", true), ("ana@otro.dominio", "mi.dominio", false), ("", "mi.dominio", false),
        ("@mi.dominio", "ana", false), ("nadie", "mi.dominio", false),
    ])
    func realms(name: String, realm: String, isUser: Bool) throws {
        let outcome = try login(DigestClient(name: name, password: "secreto", realm: realm))
        #expect(outcome == (isUser ? .succeeded(login: "ana@mi.dominio") : .failed(.wrong)))
        #expect(try login(DigestClient(name: name, password: "otro", realm: realm)) == .failed(.wrong))
    }

    /// RFC 2831 §2.1.2 asks who was offered a realm to name one; who does not has the empty one, to the library.
    @Test func withoutARealm() throws {
        #expect(try login(DigestClient(name: "ana@mi.dominio", password: "secreto")) == .succeeded(login: "ana@mi.dominio"))
        #expect(try login(DigestClient(name: "ana", password: "secreto")) == .failed(.wrong))
    }

    @Test func anotherNonceCountIsRefused() throws {
        for count in ["00000002", "00000000", "x", ""] {
            let client = DigestClient(name: "ana@mi.dominio", password: "secreto", realm: "mail.host", nonceCount: count)
            #expect(try login(client) == .failed(.wrong))
        }
    }

    /// RFC 2831 §2.2: Cyrus's client begins its second login with the nonce of the first. The server keeps none, and asks anew.
    @Test func secondLoginsAreAskedAnew() throws {
        let identity = CyrusClient.Identity(name: "ana@mi.dominio", password: "secreto")
        let first = try #require(try play("DIGEST-MD5", identity, users, host: "segunda.vez"))
        #expect(first.initial == nil)
        #expect(first.outcome == .succeeded(login: "ana@mi.dominio"))
        for _ in 0..<2 {
            let again = try #require(try play("DIGEST-MD5", identity, users, host: "segunda.vez"))
            #expect(again.outcome == .succeeded(login: "ana@mi.dominio"))
            #expect(again.isBelieved)
            #expect(again.moves == 3)
            let begun = try #require(again.initial)
            let initial = String(decoding: begun.bytes, as: UTF8.self)
            #expect(initial.contains("nc=00000002"), "\(initial)")
        }
    }

    /// A response that was overheard is worth nothing: neither as a beginning nor to another challenge.
    @Test func nothingIsReplayed() throws {
        var client = DigestClient(name: "ana@mi.dominio", password: "secreto", realm: "mail.host")
        let server = try exchange()
        let old = try challenge(server.take(.begin(mechanism: "DIGEST-MD5", initial: nil)))
        let response = try #require(client.response(to: old))
        _ = try challenge(server.take(.response(response)))
        #expect(server.take(.response(Secret([]))) == .succeeded(login: "ana@mi.dominio"))
        client.nonceCount = "00000002"
        let second = try #require(client.response(to: old))
        for replayed in [response, second] {
            let other = try exchange()
            let fresh = try challenge(other.take(.begin(mechanism: "DIGEST-MD5", initial: replayed)))
            #expect(DigestClient.nonce(of: fresh) != nil && DigestClient.nonce(of: fresh) != DigestClient.nonce(of: old))
            #expect(other.take(.response(replayed)) == .failed(.wrong))
        }
    }
}
