import Glibc
import Synchronization

/// libfreshclam keeps its settings in global variables: one run at a time in this process, and one in a directory among all processes.
/// Whoever holds it may run; it opens when its last owner has gone, which a run that never ends prevents for ever.
final class UpdateGate: Sendable {
    private static let isTaken = Mutex(false)
    /// Runs that were given up and go on.
    private static let stuck = Atomic<Int>(0)
    static var stuckRuns: Int { stuck.load(ordering: .relaxed) }

    private let descriptor: CInt
    private let isStuck = Atomic<Bool>(false)

    private init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// Throws `.busy`, or `.stuck` where a run of this process does not end.
    static func take(_ directory: SignatureDirectory) throws(UpdateFailure) -> UpdateGate {
        let isFree = isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
        guard isFree else { throw UpdateFailure(stuckRuns > 0 ? .stuck : .busy) }
        let path = directory.path + "/.lock"
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return UpdateGate(descriptor) }
        let code = errno
        if descriptor >= 0 { close(descriptor) }
        isTaken.withLock { $0 = false }
        throw code == EWOULDBLOCK ? UpdateFailure(.busy) : SignatureDirectory.failure(code, path)
    }

    /// Its run was given up and goes on.
    func noteStuck() {
        guard !isStuck.exchange(true, ordering: .relaxed) else { return }
        Self.stuck.add(1, ordering: .relaxed)
    }

    deinit {
        if isStuck.load(ordering: .relaxed) { Self.stuck.subtract(1, ordering: .relaxed) }
        close(descriptor)
        Self.isTaken.withLock { $0 = false }
    }
}
