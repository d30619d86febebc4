#if DEBUG
    import Glibc
    import Synchronization

    /// For crash tests, in debug builds only: `BUZON_TEST_KILL_AT=appended:3` kills the process, as `kill -9` does, when the store's
    /// writer reaches the step `appended` for the third time. Counted from the start, so settings and users count too.
    enum KillPoint {
        static func step(_ environment: [String: String]) -> @Sendable (String) -> Void {
            let parts = (environment["BUZON_TEST_KILL_AT"] ?? "").split(separator: ":")
            guard parts.count == 2, let count = Int(parts[1]) else { return { _ in } }
            let name = String(parts[0])
            let reached = Mutex(0)
            return { step in
                guard step == name else { return }
                let isNow = reached.withLock { reached in
                    reached += 1
                    return reached == count
                }
                if isNow { kill(getpid(), SIGKILL) }
            }
        }
    }
#endif
