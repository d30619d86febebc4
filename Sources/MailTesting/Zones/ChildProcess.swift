import Glibc

/// A program that runs until it is ended, with all that it starts. A thread of a test may block every signal, which a child would inherit;
/// here it doesn't.
final class ChildProcess {
    private let identifier: pid_t
    private var status: CInt?

    /// Its output is thrown away.
    init?(_ arguments: [String], directory: String) {
        var attributes = posix_spawnattr_t()
        var actions = posix_spawn_file_actions_t()
        posix_spawnattr_init(&attributes)
        posix_spawn_file_actions_init(&actions)
        defer {
            posix_spawnattr_destroy(&attributes)
            posix_spawn_file_actions_destroy(&actions)
        }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        for descriptor in 0...2 as ClosedRange<CInt> {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, descriptor == 0 ? "/dev/null" : "\(directory)/output",
                descriptor == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory]
        var pointers = (shell + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var identifier: pid_t = 0
        guard posix_spawn(&identifier, shell[0], &actions, &attributes, &pointers, environ) == 0 else { return nil }
        self.identifier = identifier
    }

    deinit { end() }

    var isRunning: Bool {
        if status != nil { return false }
        var status: CInt = 0
        if waitpid(identifier, &status, WNOHANG) == identifier { self.status = status }
        return self.status == nil
    }

    /// 0 when it ended well within `seconds`.
    func wait(seconds: Int) -> CInt? {
        for _ in 0..<seconds * 200 where isRunning { usleep(5_000) }
        return status
    }

    /// First with SIGTERM; what is left of its group after two seconds is killed.
    func end() {
        guard isRunning else { return }
        kill(identifier, SIGTERM)
        _ = wait(seconds: 2)
        kill(-identifier, SIGKILL)
        _ = wait(seconds: 2)
    }
}
