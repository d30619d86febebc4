import Foundation
import Logging
import Testing

@testable import Store
@testable import TLS
@testable import buzon

@Suite struct CertificatesTests {
    private func write(_ certificate: Certificate, _ directory: String, _ name: String, key: Certificate? = nil) throws -> String {
        let chain = "\(directory)/\(name).crt"
        let file = "\(directory)/\(name).key"
        try certificate.chainPEM.write(toFile: chain, atomically: true, encoding: .utf8)
        try (key ?? certificate).keyPEM.write(toFile: file, atomically: true, encoding: .utf8)
        return "\(chain):\(file)"
    }

    @Test func oneIsMadeAtTheFirstStartAndKept() async throws {
        var first: [UInt8] = []
        let scratch = try ScratchDirectory()
        for round in 0..<2 {
            let store = try await MailStore.open(directory: scratch.path + "/data")
            if round == 0 { try await store.set(.hostname, to: "mail.virtual.test") }
            let certificates = try await Certificates(store, log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            let shown = certificates.context.certificates[0]
            #expect(shown.names == ["mail.virtual.test"])
            #expect(shown.isSelfSigned)
            // 10 years.
            #expect(shown.notAfter - shown.notBefore > 3_649 * 86_400)
            if round == 0 { first = shown.fingerprint }
            #expect(shown.fingerprint == first)
            await store.close()
        }
    }

    @Test func filesAreReadAgainWhenTheyChange() async throws {
        let scratch = try ScratchDirectory()
        try await ServedAppliance.run { served in
            let certificates = served.open.certificates
            let name = Appliance.hostname(served.store)
            let before = certificates.context.certificates.map(\.fingerprint)
            let one = try SelfSignedRequest(name: name).make()
            try await served.store.set(.certificateFiles, to: write(one, scratch.path, "a"))
            await certificates.refresh()
            #expect(certificates.context.certificates.map(\.fingerprint) == [one.fingerprint] + before)
            // Renewed in place.
            let two = try SelfSignedRequest(name: name, key: .rsa).make()
            _ = try write(two, scratch.path, "a")
            await certificates.refresh()
            #expect(certificates.context.certificates[0].fingerprint == two.fingerprint)
            // A key that does not fit changes nothing.
            _ = try write(one, scratch.path, "a", key: two)
            await certificates.refresh()
            #expect(certificates.context.certificates[0].fingerprint == two.fingerprint)
            // Mended.
            _ = try write(one, scratch.path, "a")
            await certificates.refresh()
            #expect(certificates.context.certificates[0].fingerprint == one.fingerprint)
        }
    }

    @Test func aGivenOneIsShownForItsName() async throws {
        try await ServedAppliance.run { served in
            let certificates = served.open.certificates
            let other = try SelfSignedRequest(name: "otro.virtual.test").make()
            let id = try await served.store.addCertificate(.given, chain: other.chainPEM, key: other.keyPEM)
            await certificates.refresh()
            #expect(certificates.context.certificates.contains { $0.fingerprint == other.fingerprint })
            #expect(certificates.context.certificates[0].names == [Appliance.hostname(served.store)])
            try await served.store.removeCertificate(id)
            await certificates.refresh()
            #expect(!certificates.context.certificates.contains { $0.fingerprint == other.fingerprint })
        }
    }

    @Test func aNewServerNameGetsANewCertificate() async throws {
        try await ServedAppliance.run { served in
            try await served.store.set(.hostname, to: "nuevo.virtual.test")
            await served.open.certificates.refresh()
            #expect(served.open.certificates.context.certificates.map(\.names) == [["nuevo.virtual.test"]])
            #expect(try await served.store.certificates().count == 1)
        }
    }

    /// A new name with a subject that no certificate takes: the name alone is what counts.
    @Test func aSubjectThatIsNoneDoesNotKeepTheServerFromItsName() async throws {
        try await ServedAppliance.run { served in
            await #expect(throws: StoreFailure.invalid("certificate-country")) {
                try await served.store.set(.certificateCountry, to: "España")
            }
            // RFC 5280 appendix A.1: 128 characters at most.
            try await served.store.set(.certificateEmail, to: "yo@" + String(repeating: "largo.", count: 30) + "test")
            try await served.store.set(.hostname, to: "nuevo.virtual.test")
            try await served.store.set(.tlsMinimum, to: "TLSv1.3")
            await served.open.certificates.refresh()
            #expect(served.open.certificates.context.certificates.map(\.names) == [["nuevo.virtual.test"]])
            #expect(served.open.certificates.context.options.minimum == .tls13)
            await #expect(throws: TLSFailure.self) { _ = try await Certificates.renew(served.store) }
        }
    }

    @Test(arguments: [
        ("a.crt : a.key", ["a.crt", "a.key"]), (" both.pem ", ["both.pem", "both.pem"]), (":", []), (",::,", []),
        ("a.crt:,:b.key", ["a.crt", "a.crt", "b.key", "b.key"]),
    ])
    func pairsOfFilesAreRead(_ value: String, _ paths: [String]) async throws {
        let scratch = try ScratchDirectory()
        let store = try await MailStore.open(directory: scratch.path + "/data")
        try await store.set(.certificateFiles, to: value)
        #expect(Certificates.pairs(store).flatMap { [$0.chain, $0.key] } == paths)
        await store.close()
    }
}
