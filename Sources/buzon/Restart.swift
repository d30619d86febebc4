import Glibc
import Scanner
import Synchronization

/// The server's wish to begin anew, when something in it can't be mended: it stops as for a signal, and then the process becomes itself again.
final class Restart: Sendable {
    private struct State: Sendable {
        var isRequested = false
        var stop: (@Sendable () async -> Void)?
    }

    private let state = Mutex(State())

    var isRequested: Bool { state.withLock { $0.isRequested } }

    /// What stops the server.
    func arm(_ stop: @escaping @Sendable () async -> Void) {
        let isLate = state.withLock { state in
            state.stop = stop
            return state.isRequested
        }
        if isLate { Task { await stop() } }
    }

    func request() {
        let stop = state.withLock { state -> (@Sendable () async -> Void)? in
            defer { state.isRequested = true }
            return state.isRequested ? nil : state.stop
        }
        if let stop { Task { await stop() } }
    }

    /// Answers only when it fails. The process keeps its number, which whoever watches it knows; threads that hang end here.
    static func becomeItselfAgain() -> String {
        ScannerChild.endAll()
        var arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", &arguments)
        return String(cString: strerror(errno))
    }
}
