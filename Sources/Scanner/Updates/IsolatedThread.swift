import CClamAV
import CSeccomp
import Glibc
import Synchronization

/// A thread for a library that changes the working directory, prints, and can't be told to stop: it has a working directory, a umask
/// and file descriptors of its own, so nothing of that reaches the rest of the process, and its sockets are those that it opened. Another
/// thread with the same descriptors looks on: when the work takes too long, or too much comes, it shuts these sockets down.
///
/// No code may run here that starts threads of the process (a task, a dispatch queue): they would inherit all of it.
enum IsolatedThread {
    struct Bounds: Sendable {
        /// For the whole of the work.
        var time: Duration
        /// What one connection may bring.
        var bytes: Int64
        /// How long the work has to end once its connections are gone.
        var grace: Duration
    }

    enum Cut: Sendable { case overtime, tooMuch, cancelled }

    enum End<Value: Sendable>: Sendable {
        /// `cut`: its connections were shut down before it ended.
        case done(Value, cut: Cut?)
        /// It goes on, nobody knows for how long.
        case stuck(Cut)
        /// There is no such thread: the system's words.
        case impossible(String)
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    /// Whether the caller runs on one: what it would log goes nowhere, and might start a thread.
    static var isCurrent: Bool { pthread_getspecific(key) != nil }
    static func enter() { pthread_setspecific(key, UnsafeRawPointer(bitPattern: 1)) }

    /// Runs `work`. `whenOver` is called once it is really over, which may be long after `.stuck`, or never.
    static func run<Value: Sendable>(
        _ bounds: Bounds, whenOver: @escaping @Sendable () -> Void, _ work: @escaping @Sendable () -> Value
    ) async -> End<Value> {
        let run = IsolatedRun<Value>(bounds, work)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isStarted = start {
                    continuation.resume(returning: run.supervise())
                    run.waitForTheEnd()
                    whenOver()
                }
                if isStarted == nil {
                    continuation.resume(returning: .impossible("pthread_create"))
                    whenOver()
                }
            }
        } onCancel: {
            run.cancel()
        }
    }

    /// A thread that takes no signals. Nil when there can be none.
    static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        let task = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, task.toOpaque())
        guard status == 0 else {
            task.release()
            return nil
        }
        pthread_detach(thread)
        return thread
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void

        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
}

/// Three threads: one of the process, which waits and answers; the guard, which has the descriptors of its own; and the worker, which
/// the guard started and which therefore shares them.
private final class IsolatedRun<Value: Sendable>: Sendable {
    private struct State: Sendable {
        var value: Value?
        var hasWorker = false
        var isWorkerOver = false
        var cut: IsolatedThread.Cut?
        var failure: String?
        var isStuck = false
    }

    private static var interval: UInt32 { 20_000 }
    private static var mostDescriptors: CInt { 256 }

    private let state = Mutex(State())
    private let isCancelled = Atomic<Bool>(false)
    private let bounds: IsolatedThread.Bounds
    private let work: @Sendable () -> Value

    init(_ bounds: IsolatedThread.Bounds, _ work: @escaping @Sendable () -> Value) {
        self.bounds = bounds
        self.work = work
    }

    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    /// On a thread of the process, which may start others.
    func supervise() -> IsolatedThread.End<Value> {
        guard IsolatedThread.start({ self.guardWorker() }) != nil else { return .impossible("pthread_create") }
        while true {
            let end = state.withLock { state -> IsolatedThread.End<Value>? in
                if let failure = state.failure { return .impossible(failure) }
                if state.isWorkerOver, let value = state.value { return .done(value, cut: state.cut) }
                if state.isStuck, let cut = state.cut { return .stuck(cut) }
                return nil
            }
            if let end { return end }
            usleep(Self.interval)
        }
    }

    func waitForTheEnd() {
        while state.withLock({ $0.failure == nil && !$0.isWorkerOver }) { usleep(Self.interval * 5) }
    }

    private func guardWorker() {
        let code = buzon_isolate_thread()
        guard code == 0 else { return state.withLock { $0.failure = String(cString: strerror(code)) } }
        umask(0o077)
        // The library's complaints. Standard output stays: what others have printed may be flushed by this thread.
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        if nowhere >= 0 {
            dup2(nowhere, STDERR_FILENO)
            close(nowhere)
        }
        let worker = IsolatedThread.start {
            IsolatedThread.enter()
            let value = self.work()
            self.state.withLock {
                $0.value = value
                $0.isWorkerOver = true
            }
        }
        guard worker != nil else { return state.withLock { $0.failure = "pthread_create" } }
        watch()
    }

    private func watch() {
        let start = ContinuousClock.now
        var cutAt: ContinuousClock.Instant?
        while true {
            usleep(Self.interval)
            let (isOver, cut) = state.withLock { ($0.isWorkerOver, $0.cut) }
            if isOver { return }
            if cut == nil, let reason = reason(since: start) {
                state.withLock { $0.cut = reason }
                cutAt = .now
            }
            guard let cutAt else { continue }
            // Each time: the library tries again.
            for descriptor in 3..<Self.mostDescriptors { shutdown(descriptor, CInt(SHUT_RDWR)) }
            let grace = isCancelled.load(ordering: .relaxed) ? min(bounds.grace, .seconds(2)) : bounds.grace
            if ContinuousClock.now - cutAt > grace { state.withLock { $0.isStuck = true } }
        }
    }

    private func reason(since start: ContinuousClock.Instant) -> IsolatedThread.Cut? {
        if isCancelled.load(ordering: .relaxed) { return .cancelled }
        if ContinuousClock.now - start > bounds.time { return .overtime }
        for descriptor in 3..<Self.mostDescriptors where buzon_received(descriptor) > bounds.bytes { return .tooMuch }
        return nil
    }
}
