import Credentials
import Dialogue
import Synchronization

@testable import SASL

/// Users in memory; `ana@mi.dominio` with the password `secreto` is there always.
final class SomeUsers: CredentialSource {
    let passwords: [String: String]
    let verifiers: [String: [Verifier]]
    let invention = Invention(secret: [UInt8](repeating: 1, count: 32))
    /// The logins that were asked for.
    let asked = Mutex<[String]>([])

    init(_ others: [String: String] = [:], verifiers: [String: [Verifier]] = [:]) {
        passwords = others.merging(["ana@mi.dominio": "secreto"]) { first, _ in first }
        self.verifiers = verifiers
    }

    func canonical(_ name: String) -> String? { name.lowercased() }

    func verifiers(of login: String) -> [String] {
        asked.withLock { $0.append(login) }
        if let known = verifiers[login] { return known.map(\.stored) }
        return VerifierHash.allCases.map { hash in
            let real = passwords[login].flatMap { Verifier(password: Array($0.utf8), hash: hash, iterations: 4_096) }
            return (real ?? invention.verifier(of: login, hash: hash, iterations: 4_096)).stored
        }
    }

    func plainPassword(of login: String) -> [UInt8] {
        asked.withLock { $0.append(login) }
        return passwords[login].map { Array($0.utf8) } ?? invention.password(of: login)
    }

    func isRight(_ password: Secret, of login: String) -> Bool {
        asked.withLock { $0.append(login) }
        return passwords[login].map { Array($0.utf8) == password.bytes } ?? false
    }
}

/// What came of an exchange, and after how many moves of the client's.
struct Course: Equatable {
    /// The client's own first message, which differs each time.
    var initial: Secret?
    var outcome: AuthenticationOutcome
    var moves: Int
    /// Whether the client believed the server to the end.
    var isBelieved = true

    static func == (left: Course, right: Course) -> Bool {
        (left.outcome, left.moves, left.isBelieved) == (right.outcome, right.moves, right.isBelieved)
    }
}

let protected = TLSFacts(
    version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256,
    binding: ChannelBinding(name: "tls-exporter", data: Array(repeating: 7, count: 32)))

/// Cyrus's client against our server, to the end.
func play(
    _ mechanism: String, _ identity: CyrusClient.Identity, _ users: SomeUsers, host: String = "mail.host", tls: TLSFacts? = protected,
    clientBinding: ChannelBinding? = nil
) throws -> Course? {
    let server = try SASLLibrary.load().exchange(
        ExchangeTerms(service: "smtp", host: host, isProtected: true, tls: tls), users)
    guard let client = CyrusClient(identity, host: host, binding: clientBinding), case .some(let initial) = client.start(mechanism) else {
        return nil
    }
    var course = Course(initial: initial, outcome: server.take(.begin(mechanism: mechanism, initial: initial)), moves: 1)
    while case .challenge(let challenge) = course.outcome, course.moves < 10 {
        let response = client.step(challenge)
        if response == nil { course.isBelieved = false }
        course.outcome = server.take(.response(response ?? Secret([])))
        course.moves += 1
    }
    return course
}
