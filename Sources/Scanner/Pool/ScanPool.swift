import Dispatch
import Synchronization

/// A few threads for scans. What waits is bounded, and every job is answered when its time is over: libclamav can't be interrupted, so
/// a thread that does not come back within the time of grace either is left alone, counted, and replaced.
package final class ScanPool: Sendable {
    /// How exactly deadlines are kept.
    private static let tick = DispatchTimeInterval.milliseconds(100)

    private struct State: Sendable {
        var queue: [ScanJob] = []
        var head = 0
        /// Jobs that wait for others to end.
        var parked: [ScanJob] = []
        /// Waiting, or with a thread at it, by identity.
        var open: [ObjectIdentifier: ScanJob] = [:]
        var stuck = 0
        var hasTold = false
        var isWatching = false
        var isClosed = false

        mutating func next() -> ScanJob? {
            guard head < queue.count else { return nil }
            defer {
                head += 1
                if head > 64, head * 2 > queue.count { trim() }
            }
            return queue[head]
        }

        private mutating func trim() {
            queue.removeFirst(head)
            head = 0
        }

        /// What waited for others goes first. How many those are.
        mutating func unpark() -> Int {
            defer { parked = [] }
            queue.insert(contentsOf: parked, at: head)
            return parked.count
        }

        /// What was answered while it waited holds no message any longer.
        mutating func dropOver() {
            guard queue.count - head > open.count else { return }
            trim()
            queue.removeAll { $0.isOver }
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

    /// Threads that did not come back.
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
            defer { state.isWatching = true }
            return (true, !state.isWatching)
        }
        guard isTaken else { return false }
        work.signal()
        if wakes { watch.signal() }
        return true
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
        let turn = job.take() ? job.run() : .ended
        let unparked = state.withLock { state -> Int in
            switch turn {
            case .parked:
                state.parked.append(job)
                return 0
            case .ended: state.open[ObjectIdentifier(job)] = nil
            case .abandoned: state.stuck -= 1
            }
            return state.unpark()
        }
        for _ in 0..<unparked { work.signal() }
        return turn != .abandoned
    }

    /// What the watch's thread does next; nil: it ends. The pool itself is not held while it waits.
    private func watchTurn() -> (() -> Void)? {
        let now = DispatchTime.now()
        let open = state.withLock { $0.open.values.map { $0 } }
        for job in open where job.expire(now) { replaceThread() }
        let over = open.filter { $0.isOver }
        let (unparked, isIdle, isClosed) = state.withLock { state in
            for job in over { state.open[ObjectIdentifier(job)] = nil }
            state.dropOver()
            // Those for whom they wait may be another pool's.
            let unparked = state.unpark()
            state.isWatching = !state.open.isEmpty
            return (unparked, !state.isWatching, state.isClosed)
        }
        for _ in 0..<unparked { work.signal() }
        if isClosed { return nil }
        let watch = watch
        return { _ = watch.wait(timeout: isIdle ? .distantFuture : .now() + Self.tick) }
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
