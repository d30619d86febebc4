import CSeccomp
import Glibc

/// What a scanner's process may do once its signatures are loaded: compute, read what it was handed, write into its own folder. No
/// network, no other program, no other file, no other process.
enum Sandbox {
    enum Failure: Error { case system(String, CInt) }

    /// Before any other thread is there. False: the kernel has no Landlock, so files that the server's user may read are not out of
    /// reach; everything else holds.
    static func enter(folder: String, memory: Int) throws(Failure) -> Bool {
        guard buzon_hide_memory() == 0 else { throw .system("prctl", errno) }
        limit(__rlimit_resource_t(RLIMIT_CORE.rawValue), 0)
        limit(__rlimit_resource_t(RLIMIT_AS.rawValue), memory)
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
        guard chdir(folder) == 0 else { throw .system("chdir", errno) }
        return try restrictThread(folder: folder)
    }

    /// The calling thread and those that it starts.
    static func restrictThread(folder: String) throws(Failure) -> Bool {
        guard buzon_drop_privileges() == 0 else { throw .system("prctl", errno) }
        let hasLandlock = buzon_restrict_files(folder) == 0
        if !hasLandlock, errno != ENOSYS, errno != EOPNOTSUPP { throw .system("landlock", errno) }
        try filter()
        return hasLandlock
    }

    private static func limit(_ resource: __rlimit_resource_t, _ bytes: Int) {
        var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
        setrlimit(resource, &limit)
    }

    /// Allowed is what libclamav, libarchive, the C library and Swift's runtime were seen to need, with their near relations on other
    /// architectures. The rest fails as if it were not permitted, which every library knows how to take.
    private static func filter() throws(Failure) {
        guard let filter = seccomp_init(buzon_refuse_by_default()) else { throw .system("seccomp_init", ENOMEM) }
        defer { seccomp_release(filter) }
        for name in allowed {
            let call = seccomp_syscall_resolve_name(name)
            // Names that this architecture does not have.
            guard call >= 0 else { continue }
            let code = buzon_allow(filter, call)
            guard code == 0 else { throw .system(name, -code) }
        }
        // Threads, not processes (CLONE_THREAD); clone3 hides its flags behind a pointer, and the C library falls back to clone.
        _ = buzon_allow_where(filter, seccomp_syscall_resolve_name("clone"), 0, 0x10000, 0x10000)
        _ = buzon_refuse(filter, seccomp_syscall_resolve_name("clone3"), ENOSYS)
        // abort() sends its own process a signal; the server's is no business of it.
        try allow("tgkill", 0, getpid(), filter)
        // Copies, flags and locks of descriptors: F_SETOWN and F_SETSIG would send signals elsewhere.
        for name in ["fcntl", "fcntl64"] {
            for command in [
                F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_GETLK, F_SETLK, F_SETLKW,
            ] { try allow(name, 1, command, filter) }
        }
        // A thread's name.
        _ = buzon_allow_where(filter, seccomp_syscall_resolve_name("prctl"), 0, 0xffff_ffff, UInt64(PR_SET_NAME))
        let code = seccomp_load(filter)
        guard code == 0 else { throw .system("seccomp_load", -code) }
    }

    /// Where an argument is this number.
    private static func allow(_ name: String, _ argument: UInt32, _ number: CInt, _ filter: scmp_filter_ctx) throws(Failure) {
        let call = seccomp_syscall_resolve_name(name)
        guard call >= 0 else { return }
        let code = buzon_allow_int(filter, call, argument, number)
        guard code == 0 else { throw .system(name, -code) }
    }

    private static let allowed = [
        "access", "arch_prctl", "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close", "copy_file_range", "creat", "dup",
        "dup2", "dup3", "exit", "exit_group", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchmod", "fchmodat",
        "fdatasync", "fstat", "fstatfs", "fsync", "ftruncate", "futex", "futex_waitv", "getcwd", "getdents", "getdents64", "getegid",
        "geteuid", "getgid", "getpid", "getppid", "getrandom", "getrusage", "gettid", "gettimeofday", "getuid", "lseek", "lstat", "madvise",
        "membarrier", "mkdir", "mkdirat", "mmap", "mmap2", "mprotect", "mremap", "munmap", "nanosleep", "newfstatat", "open", "openat",
        "poll", "ppoll", "pread64", "preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat", "readv", "recvmsg", "rename",
        "renameat", "restart_syscall", "rmdir", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_getaffinity",
        "sched_yield",
        "sendmsg", "set_robust_list", "set_tid_address", "sigaltstack", "stat", "statfs", "statx", "sysinfo", "time", "times",
        "umask", "uname", "unlink", "unlinkat", "utimensat", "write", "writev",
    ]
}
