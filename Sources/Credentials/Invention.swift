import Glibc

/// What a server answers for a name that nobody has, so that it looks like a user's: the same for the same name, for ever.
package struct Invention: Sendable {
    private let secret: [UInt8]

    /// `secret`: the server's own.
    package init(secret: [UInt8]) { self.secret = secret }

    /// A verifier whose password nobody knows, not even the server. No key is derived: it costs as little as reading one.
    package func verifier(of name: String, hash: VerifierHash, iterations: Int) -> Verifier {
        let label = hash.rawValue + "\0"
        return Verifier(
            hash: hash, iterations: iterations,
            salt: Array(bytes(label + "salt\0" + name).prefix(Verifier.saltLength)),
            storedKey: Array(bytes(label + "stored\0" + name).prefix(hash.length)),
            serverKey: Array(bytes(label + "server\0" + name).prefix(hash.length)))
    }

    /// 16 bytes for those mechanisms that need a password.
    package func password(of name: String) -> [UInt8] {
        // No zero among them: some code of the mechanisms takes it for a string.
        bytes("password\0" + name).prefix(16).map { $0 | 1 }
    }

    /// The iteration count of a name's invented verifiers, where so many users have each count: in the same proportions. A change of the
    /// weights moves as few names as can be, and those to where the weight went (weighted rendezvous hashing). Nil without users.
    package func iterations(of name: String, among users: [Int: Int]) -> Int? {
        let distances = users.filter { $0.value > 0 }.map { count, weight in
            (count: count, distance: -log(fraction("iterations\0\(count)\0" + name)) / Double(weight))
        }
        return distances.min { ($0.distance, $0.count) < ($1.distance, $1.count) }?.count
    }

    /// Between 0 and 1, and neither.
    private func fraction(_ text: String) -> Double {
        let number = bytes(text).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return (Double(number >> 11) + 0.5) / Double(UInt64(1) << 53)
    }

    private func bytes(_ text: String) -> [UInt8] { hmacSHA256(key: secret, Array(text.utf8)) }
}
