import CSeccomp
import Glibc
import Synchronization

/// A child of this executable with some descriptors and nothing else of ours. It is reaped when it ends, and its folder goes with it.
final class ChildProcess: Sendable {
    private struct State: Sendable {
        /// Of `waitpid`, once it has ended.
        var status: CInt?
    }

    let pid: pid_t
    private let state = Mutex(State())

    /// The descriptors become 3, 4, … in the child; the environment is empty.
    init(executable: String, arguments: [String], descriptors: [CInt], folder: String) throws(EngineFailure) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // First out of the way of the numbers that they are to have.
        let copies = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, 3 + CInt(descriptors.count)) }
        defer { for copy in copies where copy >= 0 { close(copy) } }
        for (index, copy) in copies.enumerated() { posix_spawn_file_actions_adddup2(&actions, copy, 3 + CInt(index)) }
        posix_spawn_file_actions_addclosefrom_np(&actions, 3 + CInt(descriptors.count))
        guard !copies.contains(where: { $0 < 0 }) else {
            throw EngineFailure(reason: .isolation, path: executable, detail: "F_DUPFD_CLOEXEC")
        }
        var child: pid_t = 0
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        let code = posix_spawn(&child, executable, &actions, nil, &words, &environment)
        guard code == 0 else {
            throw EngineFailure(reason: .isolation, path: executable, detail: String(cString: strerror(code)))
        }
        pid = child
        Self.living.withLock { $0[child] = self }
        _ = startThread { [self] in
            reap()
            TemporaryFiles.sweep(folder)
            rmdir(folder)
        }
    }

    var hasEnded: Bool { state.withLock { $0.status != nil } }

    /// Whether it ended by a fault of its own. Waits a little for an end that is under way; false: it lives, or somebody ended it.
    func hasCrashed() -> Bool {
        for _ in 0..<500 where !hasEnded { usleep(2_000) }
        guard let status = state.withLock({ $0.status }) else { return false }
        return [SIGSEGV, SIGBUS, SIGILL, SIGABRT, SIGFPE, SIGSYS, SIGTRAP].contains(status & 0x7f)
    }

    func kill() {
        // Under the lock, so that the number is never another process's by now.
        state.withLock { state in
            if state.status == nil { _ = Glibc.kill(pid, SIGKILL) }
        }
    }

    private func reap() {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        state.withLock { state in
            var status: CInt = 0
            waitpid(pid, &status, 0)
            state.status = status
        }
        Self.living.withLock { _ = $0.removeValue(forKey: pid) }
    }

    private static let living = Mutex<[pid_t: ChildProcess]>([:])

    /// For a process that becomes another one, which would know nothing of them.
    static func endAll() {
        let children = living.withLock { Array($0.values) }
        for child in children { child.kill() }
        for _ in 0..<1_000 where children.contains(where: { !$0.hasEnded }) { usleep(2_000) }
    }
}
