// What the server knows about a password, and how it checks one.
//
// A password is never stored: of each there is a verifier for SCRAM-SHA-256 and one for SCRAM-SHA-1, with salts of their own
// (RFC 5802 §3, RFC 7677). Checking takes the same time whether or not the user exists, and comparing does not stop early.
// Nothing here logs, and nothing here touches a database.

import COpenSSL

/// The hash functions of the SCRAM mechanisms.
package enum VerifierHash: String, Sendable, Hashable, CaseIterable {
    case sha256 = "SCRAM-SHA-256"
    case sha1 = "SCRAM-SHA-1"

    /// Bytes of a digest.
    package var length: Int {
        switch self {
        case .sha256: 32
        case .sha1: 20
        }
    }

    var evp: OpaquePointer? {
        switch self {
        case .sha256: EVP_sha256()
        case .sha1: EVP_sha1()
        }
    }
}

/// A SCRAM verifier (RFC 5802 §3).
package struct Verifier: Sendable, Hashable {
    /// RFC 7677 §4 asks for 4,096 at least; Cyrus SASL's clients refuse more than 65,536.
    package static let allowedIterations = 4_096...65_536
    package static let saltLength = 16

    package let hash: VerifierHash
    package let iterations: Int
    package let salt: [UInt8]
    package let storedKey: [UInt8]
    package let serverKey: [UInt8]

    /// Derives the keys: milliseconds of CPU. `iterations` is clamped to `allowedIterations`. Nil only when the library fails.
    package init?(password: [UInt8], hash: VerifierHash, iterations: Int, salt: [UInt8]) {
        let count = min(max(iterations, Self.allowedIterations.lowerBound), Self.allowedIterations.upperBound)
        guard let salted = pbkdf2(password, salt: salt, iterations: count, hash: hash),
            let clientKey = authenticationCode(hash, key: salted, Array("Client Key".utf8)),
            let serverKey = authenticationCode(hash, key: salted, Array("Server Key".utf8)),
            let storedKey = digest(hash, clientKey)
        else { return nil }
        self.hash = hash
        self.iterations = count
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    init(hash: VerifierHash, iterations: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        self.hash = hash
        self.iterations = min(max(iterations, Self.allowedIterations.lowerBound), Self.allowedIterations.upperBound)
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// With a random salt.
    package init?(password: [UInt8], hash: VerifierHash, iterations: Int) {
        self.init(password: password, hash: hash, iterations: iterations, salt: randomBytes(Self.saltLength))
    }

    /// From the stored form, `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey` (RFC 5803 §2), Base64 inside. Nil for anything else.
    package init?(_ stored: String) {
        let parts = stored.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 3, let hash = VerifierHash(rawValue: String(parts[0])) else { return nil }
        let middle = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let keys = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        guard middle.count == 2, keys.count == 2,
            let iterations = Int(middle[0]), Self.allowedIterations.contains(iterations),
            let salt = base64Decoded(middle[1]), !salt.isEmpty,
            let storedKey = base64Decoded(keys[0]), storedKey.count == hash.length,
            let serverKey = base64Decoded(keys[1]), serverKey.count == hash.length
        else { return nil }
        self.hash = hash
        self.iterations = iterations
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// The stored form.
    package var stored: String {
        "\(hash.rawValue)$\(iterations):\(base64Encoded(salt))$\(base64Encoded(storedKey)):\(base64Encoded(serverKey))"
    }

    /// Whether the password is the one, by its bytes. Costs what deriving costs; the comparison itself does not stop at a difference.
    package func matches(_ password: [UInt8]) -> Bool {
        guard let other = Verifier(password: password, hash: hash, iterations: iterations, salt: salt) else { return false }
        return areEqual(other.storedKey, storedKey)
    }
}

/// Whether `password` is right, in one of its spellings. Without a verifier (no such user) it costs as much and answers false.
/// `iterations`: for the case without one.
package func isRight(_ password: [UInt8], for verifier: Verifier?, iterations: Int) -> Bool {
    let nobody = { (spelling: [UInt8]) in
        _ = Verifier(password: spelling, hash: .sha256, iterations: iterations, salt: [UInt8](repeating: 0x5A, count: Verifier.saltLength))
        return false
    }
    // Each one, so that a wrong password costs the same for everybody.
    return spellings(password).reduce(false) { (verifier?.matches($1) ?? nobody($1)) || $0 }
}

/// Verifiers of both kinds, each with its own salt, in the order of `VerifierHash`, of the password's normal form. Fewer only when the
/// library fails.
package func verifiers(for password: [UInt8], iterations: Int) -> [Verifier] {
    // RFC 5802 §3: SaltedPassword := Hi(Normalize(password), salt, i).
    let password = normal(password)
    return VerifierHash.allCases.compactMap { Verifier(password: password, hash: $0, iterations: iterations) }
}
