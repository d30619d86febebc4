import Dialogue
import Foundation
import Testing

@testable import Credentials
@testable import SASL

/// corpora/scram: exchanges whose every byte is known. Ours draws its nonces, so each is checked twice: the keys against the bytes, and
/// the names, passwords, salts and counts in a new exchange with the library.
struct ScramCase: Decodable, Sendable, CustomTestStringConvertible {
    var label: String
    var digest: String
    var user: String
    var pass: String
    var skipSASLprep: Bool
    var salt64: String
    var iters: Int
    var clientNonce: String
    var steps: [String]

    static let root = (ProcessInfo.processInfo.environment["BUZON_CORPORA"] ?? "../shared/corpora") + "/scram/"
    static let isThere = FileManager.default.fileExists(atPath: root + "good")

    static func all(_ folder: String) -> [ScramCase] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root + folder)) ?? []
        return names.filter { $0.hasSuffix(".json") }.sorted().compactMap { name in
            FileManager.default.contents(atPath: root + folder + "/" + name).flatMap { try? JSONDecoder().decode(ScramCase.self, from: $0) }
        }
    }

    var testDescription: String { label }
    /// Nil for SHA-512, which is not offered.
    var hash: VerifierHash? { VerifierHash(rawValue: "SCRAM-" + digest) }
    /// As the client sends it.
    var name: Substring { steps[0].dropFirst("n,,n=".count).prefix { $0 != "," } }
    var password: [UInt8] { skipSASLprep ? Array(pass.utf8) : normal(Array(pass.utf8)) }

    func verifier() throws -> Verifier {
        let salt = try #require(base64Decoded(salt64.filter { $0 != "\n" }[...]))
        let hash = try #require(hash)
        return try #require(Verifier(password: password, hash: hash, iterations: iters, salt: salt))
    }

    /// A user with this case's password, salt and count.
    func users() throws -> SomeUsers {
        let name = skipSASLprep ? Array(user.utf8) : normal(Array(user.utf8))
        return SomeUsers(verifiers: [String(decoding: name, as: UTF8.self): [try verifier()]])
    }
}

@Suite(.enabled(if: ScramCase.isThere, "corpora/scram is absent (BUZON_CORPORA)")) struct ScramCorpusTests {
    @Test func allIsThere() {
        #expect(ScramCase.all("good").count == 15 && ScramCase.all("bad-client").count == 3 && ScramCase.all("bad-server").count == 2)
    }

    // MARK: Byte for byte

    /// The proof p= against StoredKey, and v= from ServerKey (RFC 5802 §3).
    private func holds(_ each: ScramCase) throws -> (proof: Bool, signature: Bool) {
        let verifier = try each.verifier()
        let final = try #require(each.steps[2].range(of: ",p="))
        let message = Array((each.steps[0].dropFirst(3) + "," + each.steps[1] + "," + each.steps[2][..<final.lowerBound]).utf8)
        let proof = try #require(base64Decoded(each.steps[2][final.upperBound...]))
        let mask = try #require(authenticationCode(verifier.hash, key: verifier.storedKey, message))
        try #require(proof.count == mask.count)
        let key = try #require(digest(verifier.hash, zip(proof, mask).map { $0 ^ $1 }))
        let signature = try #require(authenticationCode(verifier.hash, key: verifier.serverKey, message))
        return (areEqual(key, verifier.storedKey), each.steps[3] == "v=" + base64Encoded(signature))
    }

    @Test(arguments: ScramCase.all("good").filter { $0.hash != nil }) func good(each: ScramCase) throws {
        #expect(try holds(each) == (true, true))
    }

    @Test(arguments: ScramCase.all("bad-client").filter { $0.steps.count > 2 }) func badProof(each: ScramCase) throws {
        #expect(try holds(each).proof == false)
    }

    @Test(arguments: ScramCase.all("bad-server")) func badSignature(each: ScramCase) throws {
        #expect(try holds(each) == (true, false))
    }

    // MARK: With the library

    /// A client that obeys the case: its password's form, its nonce. `spoils`: a proof that is none. Answers the outcome, and whether the
    /// server's signature is right.
    private func play(_ each: ScramCase, user: String? = nil, spoils: Bool = false) throws -> (AuthenticationOutcome, Bool) {
        let terms = ExchangeTerms(service: "smtp", host: "mail.host", isProtected: true)
        let server = try SASLLibrary.load().exchange(terms, try each.users())
        let bare = "n=\(user ?? String(each.name)),r=\(each.clientNonce)"
        var outcome = server.take(.begin(mechanism: "SCRAM-" + each.digest, initial: Secret(Array(("n,," + bare).utf8))))
        guard case .challenge(let bytes) = outcome else { return (outcome, false) }
        let first = String(decoding: bytes, as: UTF8.self)
        let parts = first.split(separator: ",").map { $0.dropFirst(2) }
        try #require(parts.count == 3)
        #expect(parts[0].hasPrefix(each.clientNonce) && parts[0].count > each.clientNonce.count + 16)
        let (salt, count, hash) = (try #require(base64Decoded(parts[1])), try #require(Int(parts[2])), try #require(each.hash))
        let client = try #require(Verifier(password: each.password, hash: hash, iterations: count, salt: salt))
        let message = Array("\(bare),\(first),c=biws,r=\(parts[0])".utf8)
        let salted = try #require(pbkdf2(each.password, salt: client.salt, iterations: client.iterations, hash: client.hash))
        let key = try #require(authenticationCode(client.hash, key: salted, Array("Client Key".utf8)))
        let mask = try #require(authenticationCode(client.hash, key: client.storedKey, message))
        let proof = spoils ? [UInt8](repeating: 0, count: key.count) : zip(key, mask).map { $0 ^ $1 }
        outcome = server.take(.response(Secret(Array("c=biws,r=\(parts[0]),p=\(base64Encoded(proof))".utf8))))
        guard case .challenge(let last) = outcome else { return (outcome, false) }
        let signature = try #require(authenticationCode(client.hash, key: client.serverKey, message))
        return (server.take(.response(Secret([]))), Array("v=\(base64Encoded(signature))".utf8) == last)
    }

    @Test(arguments: ScramCase.all("good").filter { $0.hash != nil }) func goodWithTheLibrary(each: ScramCase) throws {
        #expect(try play(each) == (.succeeded(login: String(each.name)), true))
        #expect(try play(each, spoils: true) == (.failed(.wrong), false))
    }

    /// Both are the same to whoever asks: the corpus' own answers (e=unknown-user, e=invalid-proof) would tell them apart.
    @Test(arguments: ScramCase.all("bad-client")) func badClients(each: ScramCase) throws {
        #expect(try play(each, spoils: each.steps.count > 2) == (.failed(.wrong), false))
        #expect(try play(each, user: "doesntexist") == (.failed(.wrong), false))
    }

    /// Cyrus's client does not believe a server that has not the keys.
    @Test(arguments: ScramCase.all("bad-server")) func badServers(each: ScramCase) throws {
        let server = try SASLLibrary.load().exchange(
            ExchangeTerms(service: "smtp", host: "mail.host", isProtected: true), try each.users())
        let client = try #require(CyrusClient(CyrusClient.Identity(name: each.user, password: each.pass)))
        let mechanism = "SCRAM-" + each.digest
        guard case .some(.some(let initial)) = client.start(mechanism),
            case .challenge(let first) = server.take(.begin(mechanism: mechanism, initial: initial)),
            case .challenge(let last) = server.take(.response(try #require(client.step(first))))
        else {
            Issue.record("no three steps")
            return
        }
        #expect(last.starts(with: "v=".utf8) && last != Array(each.steps[3].utf8))
        #expect(client.step(Array(each.steps[3].utf8)) == nil)
    }

    @Test func moreIsNotOffered() throws {
        let other = try #require(ScramCase.all("good").first { $0.hash == nil })
        let server = try SASLLibrary.load().exchange(ExchangeTerms(service: "smtp", host: "mail.host", isProtected: true), SomeUsers())
        #expect(server.take(.begin(mechanism: "SCRAM-" + other.digest, initial: Secret(Array(other.steps[0].utf8)))) == .failed(.wrong))
    }
}
