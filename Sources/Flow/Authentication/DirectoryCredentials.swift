import Credentials
import Dialogue
import Mail
import Store
import Synchronization

/// What one authentication asks of the directory. For a name that nobody has it invents what a user would have.
final class DirectoryCredentials: CredentialSource {
    /// What was asked for, as far as it went.
    struct Attempt: Sendable {
        /// The name that was looked up.
        var account: String?
        var found: UserCredentials?
        /// What was shown; nil for mechanisms that show none.
        var password: Secret?
        /// Whether the shown password is right; nil while none was checked.
        var isRight: Bool?
        /// Refused without a look.
        var isThrottled = false
        /// The directory could not be asked.
        var failure: StoreFailure?
    }

    private let store: MailStore
    private let invention: Invention
    private let iterations: IterationShares
    private let bruteForce: BruteForce
    private let verified: VerifiedPasswords
    private let origin: BruteForce.Origin
    private let state = Mutex(Attempt())

    init(
        _ store: MailStore, _ invention: Invention, _ iterations: IterationShares, _ bruteForce: BruteForce, _ verified: VerifiedPasswords,
        _ origin: BruteForce.Origin
    ) {
        self.store = store
        self.invention = invention
        self.iterations = iterations
        self.bruteForce = bruteForce
        self.verified = verified
        self.origin = origin
    }

    var attempt: Attempt { state.withLock { $0 } }

    func canonical(_ name: String) -> String? { Self.login(name) }

    /// As the directory has it: ASCII letters folded, the domain as A-label. What is no address names nobody.
    static func login(_ name: String) -> String? {
        guard (1...320).contains(name.utf8.count), name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        if let address = try? Address(parsing: name, allowUTF8: true), case .name = address.domain { return address.key }
        return name.lowercased()
    }

    func verifiers(of login: String) -> [String] {
        let found = look(up: login)
        let real = found?.verifiers(iterations: store.integer(.iterations)) ?? []
        // Made for everybody, so that it takes the same time.
        let count = iterations.iterations(of: login)
        let invented = VerifierHash.allCases.map { invention.verifier(of: login, hash: $0, iterations: count) }
        return invented.map { verifier in (real.first { $0.hash == verifier.hash } ?? verifier).stored }
    }

    func plainPassword(of login: String) -> [UInt8] {
        let found = look(up: login)
        let invented = invention.password(of: login)
        // A string of C to the mechanisms.
        guard let password = found?.password, !password.isEmpty, !password.contains(0) else { return invented }
        return password
    }

    func isRight(_ password: Secret, of login: String) -> Bool {
        let found = look(up: login)
        guard !attempt.isThrottled, attempt.failure == nil else { return false }
        let isKnown = found.map { verified.contains(password.bytes, of: $0) } ?? false
        let isRight = isKnown || UserCredentials.areRight(password.bytes, for: found, iterations: iterations.iterations(of: login))
        if isRight, !isKnown, let found { verified.keep(password.bytes, of: found) }
        state.withLock { state in
            state.password = password
            state.isRight = isRight
        }
        return isRight
    }

    /// Once for each name. Nil for nobody, and for whom it may not be told now.
    private func look(up login: String) -> UserCredentials? {
        let known = state.withLock { $0.account == login ? $0 : nil }
        if let known { return known.found }
        var attempt = Attempt(account: login)
        if bruteForce.admits(origin, account: login) {
            do throws(StoreFailure) {
                attempt.found = try store.credentials(of: login)
            } catch {
                attempt.failure = error
            }
        } else {
            attempt.isThrottled = true
        }
        let result = attempt
        state.withLock { $0 = result }
        return result.found
    }
}
