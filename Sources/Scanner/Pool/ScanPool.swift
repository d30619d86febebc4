import Dispatch
import Synchronization

/// A few threads for scans. What waits is bounded, and every job is answered at its deadline: libclamav can't be interrupted, so a
/// thread that is over it is left alone, counted, and replaced.
package final class ScanPool: Sendable {
    private struct State: Sendable {
        var queue: [ScanJob] = []
        var head = 0
        /// Waiting or running, by identity.
        var open: [ObjectIdentifier: ScanJob] = [:]
        var stuck = 0
        var hasTold = false
        var watchWakes = DispatchTime.distantFuture
        var isClosed = false

        mutating func next() -> ScanJob? {
            guard head < queue.count else { return nil }
            defer {
                head += 1
                if head > 64, head * 2 > queue.count {
                    queue.removeFirst(head)
                    head = 0
                }
            }
            return queue[head]
        }
    }

    private let threads: Int
    private let backlog: Int
    private let stuckLimit: Int
    private let onStuck: @Sendable () -> Void
    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)
    private let watch = DispatchSemaphore(value: 0)

    /// `backlog`: jobs that wait for a thread. `onStuck` is called once, when `stuckLimit` threads did not come back.
    package init(threads: Int, backlog: Int, stuckLimit: Int, onStuck: @escaping @Sendable () -> Void) {
        self.threads = max(1, threads)
        self.backlog = backlog
        self.stuckLimit = stuckLimit
        self.onStuck = onStuck
        for _ in 0..<self.threads { startWorker() }
        _ = startThread { [weak self] in
            while let turn = self?.watchTurn() { turn() }
        }
    }

    deinit { close() }

    /// Threads over their deadline.
    package var stuck: Int { state.withLock { $0.stuck } }

    /// Threads end when they are idle; what waits still gets its answer.
    package func close() {
        let jobs = state.withLock { state in
            state.isClosed = true
            return Array(state.open.values)
        }
        for job in jobs { job.refuse() }
        for _ in 0..<threads { work.signal() }
        watch.signal()
    }

    /// False: too much waits.
    func submit(_ job: ScanJob) -> Bool {
        let (isTaken, wakes) = state.withLock { state -> (Bool, Bool) in
            guard !state.isClosed, state.open.count < backlog + threads else { return (false, false) }
            state.queue.append(job)
            state.open[ObjectIdentifier(job)] = job
            return (true, job.deadline < state.watchWakes)
        }
        guard isTaken else { return false }
        work.signal()
        if wakes { watch.signal() }
        return true
    }

    func forget(_ job: ScanJob) {
        state.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(job)) }
    }

    private func startWorker() {
        let work = work
        _ = startThread { [weak self] in
            while true {
                work.wait()
                guard self?.workTurn() == true else { return }
            }
        }
    }

    /// False: the thread is to end.
    private func workTurn() -> Bool {
        let (job, isClosed) = state.withLock { ($0.next(), $0.isClosed) }
        guard let job else { return !isClosed }
        guard job.begin() else { return true }
        switch job.run() {
        case .answered: return true
        case .abandoned:
            state.withLock { $0.stuck -= 1 }
            return false
        }
    }

    /// What the watch's thread does next; nil: it ends. The pool itself is not held while it waits.
    private func watchTurn() -> (() -> Void)? {
        let now = DispatchTime.now()
        let (late, next, isClosed) = state.withLock { state -> ([ScanJob], DispatchTime, Bool) in
            let late = state.open.values.filter { $0.deadline <= now }
            let next = state.open.values.lazy.map(\.deadline).filter { $0 > now }.min() ?? .distantFuture
            state.watchWakes = next
            return (late, next, state.isClosed)
        }
        if isClosed { return nil }
        for job in late where job.expire() { replaceThread() }
        let watch = watch
        return { _ = watch.wait(timeout: next) }
    }

    private func replaceThread() {
        let tells = state.withLock { state -> Bool in
            state.stuck += 1
            guard state.stuck >= stuckLimit, !state.hasTold else { return false }
            state.hasTold = true
            return true
        }
        startWorker()
        if tells { onStuck() }
    }
}
