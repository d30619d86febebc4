import Dispatch
import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import Scanner

struct SandboxTests {
    /// What a thread that is shut in is told by the kernel.
    private final class Answers: @unchecked Sendable {
        var hasLandlock = false
        var failure = ""
        var numbers: [String: CInt] = [:]
        /// Made by who is not shut in.
        let pipe = Mutex<[CInt]>([-1, -1])
    }

    @Test func `a thread that is shut in has no network, no programs, no files but its own`() throws {
        let folder = try TemporaryFolder()
        let answers = Answers()
        answers.pipe.withLock { _ = pipe(&$0) }
        let done = DispatchSemaphore(value: 0)
        #expect(
            startThread {
                defer { done.signal() }
                do { answers.hasLandlock = try Sandbox.restrictThread(folder: folder.path) } catch { return answers.failure = "\(error)" }
                func note(_ name: String, _ result: CInt) { answers.numbers[name] = result < 0 ? errno : 0 }
                note("socket", socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
                note("socket-unix", socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0))
                note("kill", kill(getppid(), 0))
                if let symbol = dlsym(nil, "tgkill") {
                    typealias Call = @convention(c) (pid_t, pid_t, CInt) -> CInt
                    let tgkill = unsafeBitCast(symbol, to: Call.self)
                    note("tgkill", tgkill(getppid(), getppid(), 0))
                    note("tgkill-own", tgkill(getpid(), getpid(), 0))
                }
                var ends: [CInt] = [-1, -1]
                answers.pipe.withLock { ends = $0 }
                note("setown", fcntl(ends[0], F_SETOWN, getppid()))
                note("setsig", fcntl(ends[0], 10, SIGTERM))
                note("duplicate", fcntl(ends[0], F_DUPFD_CLOEXEC, 3))
                note("chroot", chroot(folder.path))
                var child: pid_t = 0
                var words: [UnsafeMutablePointer<CChar>?] = [nil]
                let code = posix_spawn(&child, "/bin/true", nil, nil, &words, &words)
                answers.numbers["spawn"] = code
                note("own", open(folder.path + "/file", O_RDWR | O_CREAT, 0o600))
                note("foreign", open("/etc/passwd", O_RDONLY))
                note("unlink", unlink("/etc/none"))
            })
        done.wait()
        #expect(answers.failure == "")
        for name in ["socket", "socket-unix", "kill", "chroot", "spawn", "tgkill", "setown", "setsig"] {
            #expect(answers.numbers[name] == EPERM, "\(name)")
        }
        for name in ["own", "tgkill-own", "duplicate"] { #expect(answers.numbers[name] == 0, "\(name)") }
        #expect(answers.numbers["foreign"] == (answers.hasLandlock ? EACCES : 0))
    }
}
