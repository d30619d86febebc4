import Testing

@testable import TLS

@Suite struct CertificateTests {
    @Test(arguments: [SelfSignedRequest.Key.ecdsa, .rsa]) func selfSigned(_ key: SelfSignedRequest.Key) throws {
        var request = SelfSignedRequest(name: "mail.example", key: key)
        request.country = "ES"
        request.organization = "Compañía"
        let certificate = try request.make()
        #expect(certificate.names == ["mail.example"])
        #expect(certificate.isSelfSigned)
        #expect(certificate.notAfter - certificate.notBefore == 3_650 * 86_400 + 3_600)
        #expect(certificate.fingerprint.count == 32 && certificate.publicKeyHash.count == 32)
        let read = try Certificate(chainPEM: certificate.chainPEM, keyPEM: certificate.keyPEM)
        #expect(read.fingerprint == certificate.fingerprint)
        request.country = "Spain"
        #expect(throws: TLSFailure.self) { try request.make() }
    }

    @Test func theKeyMustFit() throws {
        let one = try SelfSignedRequest(name: "a.example").make()
        let two = try SelfSignedRequest(name: "b.example").make()
        func refuses(_ chain: String, _ key: String, _ word: String) {
            do {
                _ = try Certificate(chainPEM: chain, keyPEM: key)
                Issue.record("taken: \(word)")
            } catch {
                #expect(error.kind == .configuration && error.detail.contains(word), "\(error.detail)")
            }
        }
        refuses(one.chainPEM, two.keyPEM, "does not belong")
        refuses(one.chainPEM, try SelfSignedRequest(name: "a.example", key: .rsa).make().keyPEM, "does not belong")
        refuses("", one.keyPEM, "nothing")
        refuses("rubbish", one.keyPEM, "no certificate")
        refuses(one.keyPEM, one.keyPEM, "no certificate")
        refuses(one.chainPEM, one.chainPEM, "no private key")
        refuses(String(one.chainPEM.prefix(200)), one.keyPEM, "no certificate")
        refuses(String(repeating: "x", count: 2_000_000), one.keyPEM, "too long")
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIBHDBXBgkq\n-----END ENCRYPTED PRIVATE KEY-----\n"
        refuses(one.chainPEM, encrypted, "encrypted")
    }

    @Test func wildcardsCoverOneLabel() throws {
        let certificate = try SelfSignedRequest(name: "*.mail.example").make()
        #expect(certificate.covers("a.mail.example"))
        #expect(!certificate.covers("a.b.mail.example") && !certificate.covers("mail.example") && !certificate.covers(".mail.example"))
    }
}
