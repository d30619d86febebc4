import Credentials
import Store
import Synchronization

/// Passwords that were found right lately: a client that comes again, as mail programs do all day, costs no derivation of a key.
///
/// Kept is a keyed hash of login, verifiers and password, under a key that only this process knows and only while it runs. A password that
/// was changed has other verifiers. Wrong ones are never kept, so that guessing costs what it cost.
package final class VerifiedPasswords: Sendable {
    /// At one more all are forgotten.
    static let limit = 10_000

    private let key = randomBytes(32)
    private let known = Mutex<Set<[UInt8]>>([])

    package init() {}

    func contains(_ password: [UInt8], of user: UserCredentials) -> Bool {
        guard let digest = digest(password, user) else { return false }
        return known.withLock { $0.contains(digest) }
    }

    func keep(_ password: [UInt8], of user: UserCredentials) {
        guard let digest = digest(password, user) else { return }
        known.withLock { known in
            if known.count >= Self.limit { known = [] }
            known.insert(digest)
        }
    }

    /// Nil where there are no verifiers, or where what the sqlite3 tool wrote counts in their place.
    private func digest(_ password: [UInt8], _ user: UserCredentials) -> [UInt8]? {
        guard user.pending == nil, user.hash == nil, let verifier = user.verifiers.first else { return nil }
        return hmacSHA256(key: key, Array("\(user.email)\n\(verifier.stored)\n".utf8) + password)
    }
}
