import Credentials
import Dialogue
import Mail
import Store
import Synchronization

/// Slows down and refuses who guesses passwords: counted by address and by account, on distinct wrong passwords, so that a device
/// that repeats an old password locks nobody out. Where the password is not shown (SCRAM, CRAM-MD5, DIGEST-MD5) every failure counts.
///
/// An account that nobody has is counted as one that somebody has.
final class BruteForce: Sendable {
    /// The answer to the first wrong password comes so late after its question; each further one doubles it.
    static let firstDelay = Duration.milliseconds(500)
    /// While somebody has another system's hash, whose check may take a second: that he is there must not be seen by it.
    static let foreignDelay = Duration.milliseconds(1_500)
    static let longestDelay = Duration.seconds(8)

    /// Who tries.
    struct Origin: Sendable, Hashable {
        /// An IPv4 address, or the /64 network of an IPv6 one.
        let key: String
        let isLoopback: Bool

        init(_ connection: Connection) {
            isLoopback = connection.isLoopback
            key = IPAddress(connection.peerAddress)?.loginKey ?? connection.peerAddress
        }
    }

    private struct Counted: Sendable {
        var addresses = FailureCounts()
        var accounts = FailureCounts()

        subscript(kind: Lockout.Kind) -> FailureCounts {
            get { kind == .address ? addresses : accounts }
            _modify {
                if kind == .address { yield &addresses } else { yield &accounts }
            }
        }
    }

    private let store: MailStore
    /// Seconds since 1970.
    private let clock: @Sendable () -> Int64
    private let report: @Sendable (String, String) -> Void
    /// Passwords are kept as keyed hashes only, of a key that ends with the process.
    private let key = randomBytes(32)
    private let tallies: Mutex<Counted>
    /// Logins that were noted, by account and address, with their hour: not each one is written.
    private let noted = Mutex<[String: Int64]>([:])
    private static let notedLimit = 16_384

    init(
        store: MailStore, clock: @escaping @Sendable () -> Int64, report: @escaping @Sendable (String, String) -> Void
    ) async throws(StoreFailure) {
        self.store = store
        self.clock = clock
        self.report = report
        var found = Counted()
        for lockout in try await store.lockouts(now: clock()) {
            found[lockout.kind].restore(lockout.key, failures: lockout.failures, last: lockout.last, until: lockout.until)
        }
        tallies = Mutex(found)
    }

    // MARK: Before

    /// Whether a password may be looked at. Blocks: it may ask the database.
    func admits(_ origin: Origin, account: String?) -> Bool {
        guard !origin.isLoopback else { return true }
        let now = clock()
        if isLocked(.address, origin.key, now), !isKnown(origin, nil, now) { return false }
        if let account, isLocked(.account, account, now), !isKnown(origin, account, now) { return false }
        return true
    }

    private func isLocked(_ kind: Lockout.Kind, _ key: String, _ now: Int64) -> Bool {
        let count = tallies.withLock { $0[kind].count(of: key, now: now) }
        guard let count, count.until > now else { return false }
        guard count.isKept else { return true }
        // Somebody may have lifted it. Who can't be asked is believed.
        if (try? store.isLockedOut(kind, key, now: now)) ?? true { return true }
        tallies.withLock { $0[kind].forget(key) }
        return false
    }

    private func isKnown(_ origin: Origin, _ account: String?, _ now: Int64) -> Bool {
        (try? store.isKnown(address: origin.key, user: account, now: now)) ?? false
    }

    // MARK: After

    /// Counts a wrong password, and tells how long after its question the answer may come.
    func failed(_ origin: Origin, account: String, password: [UInt8]?) async -> Duration {
        let now = clock()
        let hash = password.map { hashed($0, account) }
        let limit = store.integer(.loginFailures)
        let seconds = Int64(store.integer(.lockoutMinutes)) * 60
        // Nobody locks out a neighbour on this machine, nor himself by it.
        guard !origin.isLoopback else { return Self.firstDelay }
        var locked: [Lockout] = []
        let failures = tallies.withLock { tallies in
            var most = 0
            for (kind, key) in [(Lockout.Kind.address, origin.key), (.account, account)] {
                let failures = tallies[kind].add(hash, to: key, now: now)
                most = max(most, failures)
                guard failures >= limit else { continue }
                let until = tallies[kind].lock(key, now: now, seconds: seconds)
                locked.append(Lockout(kind: kind, key: key, failures: failures, last: now, until: until))
            }
            return most
        }
        for lockout in locked { await keep(lockout) }
        return Self.delay(failures)
    }

    private func keep(_ lockout: Lockout) async {
        do throws(StoreFailure) {
            try await store.keepLockout(lockout)
            tallies.withLock { $0[lockout.kind].kept(lockout.key) }
        } catch {
            // It holds all the same, until the server ends.
            report("lockout", "\(error)")
        }
    }

    static func delay(_ failures: Int) -> Duration {
        min(longestDelay, firstDelay * (1 << min(max(failures - 1, 0), 10)))
    }

    /// The same wrong password for two accounts is two.
    private func hashed(_ password: [UInt8], _ account: String) -> UInt64 {
        hmacSHA256(key: key, Array(account.utf8) + [0] + password).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Remembers whence a user logged in. The count stays: else a guesser would begin anew each time the owner fetches his mail.
    func succeeded(_ origin: Origin, account: String) async {
        guard !origin.isLoopback else { return }
        let now = clock()
        let hour = now / 3_600
        let isNews = noted.withLock { noted in
            let key = account + " " + origin.key
            guard noted[key] != hour else { return false }
            if noted.count >= Self.notedLimit { noted.removeAll(keepingCapacity: true) }
            noted[key] = hour
            return true
        }
        guard isNews else { return }
        do throws(StoreFailure) {
            try await store.noteLogin(account, address: origin.key, now: now)
        } catch {
            report("login", "\(error)")
        }
    }
}
