import Dispatch
import Filter
import Synchronization

/// One inspection, for everybody who asked for the same at the same time. It gets exactly one answer: the work's, or the watch's
/// when its time is over first. It owns what the work needs, so that an abandoned thread still stands on firm ground.
///
/// Waiting and scanning have a time each. Who has not begun by `latestStart` was not scanned, for now; the scan's own seconds are
/// counted from when it begins, and only they make the limit `time`.
final class ScanJob: Sendable {
    /// What became of a thread's turn with it.
    enum Turn {
        case ended
        /// It waits for others, and needs another turn.
        case parked
        /// Nobody reckons with this thread any more.
        case abandoned
    }

    private enum Phase {
        case queued
        /// A thread has it, and waits.
        case held
        case running(until: DispatchTime)
        case settled

        var isSettled: Bool { if case .settled = self { true } else { false } }
    }

    private struct State: Sendable {
        var phase = Phase.queued
        /// Until when a thread is expected back.
        var expected: DispatchTime?
        var hasThread = false
        var isLost = false
        /// Who joined and did not leave.
        var interest = 0
        var waiters: [Int: CheckedContinuation<Inspection, Never>] = [:]
        var left: Set<Int> = []
        var nextWaiter = 0
        var answer: Inspection?
    }

    let latestStart: DispatchTime
    private let seconds: Int
    private let asked: InspectionOrder
    /// Nil: not its turn.
    private let work: @Sendable (ScanJob) -> Inspection?
    private let onSettled: @Sendable (ScanJob, Inspection) -> Void
    private let onLost: @Sendable () -> Void
    private let state = Mutex(State())

    /// `seconds`: for the work, from `startClock` on. `onLost`: the work did not come back within the time of grace either.
    init(
        _ order: InspectionOrder, latestStart: DispatchTime, seconds: Int, onSettled: @escaping @Sendable (ScanJob, Inspection) -> Void,
        onLost: @escaping @Sendable () -> Void = {}, work: @escaping @Sendable (ScanJob) -> Inspection?
    ) {
        asked = order
        self.latestStart = latestStart
        self.seconds = seconds
        self.onSettled = onSettled
        self.onLost = onLost
        self.work = work
    }

    /// Registers interest; nil: too late, it was given up for want of any.
    func join() -> Int? {
        state.withLock { state in
            if state.phase.isSettled, state.answer == nil { return nil }
            state.interest += 1
            state.nextWaiter += 1
            return state.nextWaiter
        }
    }

    /// The answer for whom joined; a cancelled task gets his at once.
    func wait(_ waiter: Int) async -> Inspection {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state -> Inspection? in
                    if let answer = state.answer { return answer }
                    if state.left.remove(waiter) != nil || state.phase.isSettled { return Self.unavailable("scan.cancelled") }
                    state.waiters[waiter] = continuation
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Inspection, Never>? in
                guard !state.phase.isSettled else { return nil }
                state.interest -= 1
                guard let continuation = state.waiters.removeValue(forKey: waiter) else {
                    state.left.insert(waiter)
                    return nil
                }
                return continuation
            }
            continuation?.resume(returning: Self.unavailable("scan.cancelled"))
        }
    }

    /// By the thread that has it now. False: there is nothing to do any more.
    func take() -> Bool {
        settle { state in
            if case .queued = state.phase, state.interest == 0 { Self.unavailable("scan.cancelled") } else { nil }
        }
        return state.withLock { state in
            guard case .queued = state.phase else { return false }
            state.phase = .held
            state.hasThread = true
            return true
        }
    }

    func run() -> Turn {
        let answer = work(self)
        if let answer { settle { _ in answer } }
        return state.withLock { state in
            state.hasThread = false
            if state.isLost { return .abandoned }
            guard answer == nil, case .held = state.phase else { return .ended }
            state.phase = .queued
            return .parked
        }
    }

    /// The scan begins. Its deadline; nil: it must not begin any more.
    func startClock() -> DispatchTime? {
        state.withLock { state in
            let now = DispatchTime.now()
            guard case .held = state.phase, now < latestStart else { return nil }
            let deadline = now + .seconds(seconds)
            state.phase = .running(until: deadline)
            state.expected = deadline + .seconds(ScanLimits.grace(seconds: seconds))
            return deadline
        }
    }

    /// The scan was broken off by others, and waits for a new beginning. False: there is no time for that.
    func stopClock() -> Bool {
        state.withLock { state in
            guard case .running = state.phase, DispatchTime.now() < latestStart else { return false }
            state.phase = .held
            state.expected = nil
            return true
        }
    }

    /// Answers whose time is over. True: now its thread is lost.
    func expire(_ now: DispatchTime) -> Bool {
        settle { state in
            switch state.phase {
            case .queued where state.interest == 0: Self.unavailable("scan.cancelled")
            case .queued, .held: now >= latestStart ? Self.unavailable("scan.busy") : nil
            case .running(let deadline):
                now >= deadline ? Inspection(virus: asked.virus ? .clean : .notAsked, limits: ["time"]) : nil
            case .settled: nil
            }
        }
        let isLost = state.withLock { state -> Bool in
            guard state.phase.isSettled, state.hasThread, !state.isLost, let expected = state.expected, now >= expected else {
                return false
            }
            state.isLost = true
            return true
        }
        if isLost { onLost() }
        return isLost
    }

    /// It is answered, and no thread is at it.
    var isOver: Bool { state.withLock { $0.phase.isSettled && (!$0.hasThread || $0.isLost) } }

    func refuse() { settle { _ in Self.unavailable("scan.busy") } }

    /// With what the judge makes of its state; nil: not now. Without anybody who waits no answer is kept.
    private func settle(_ judge: (borrowing State) -> Inspection?) {
        let settled = state.withLock { state -> (Inspection, [CheckedContinuation<Inspection, Never>])? in
            guard !state.phase.isSettled, let answer = judge(state) else { return nil }
            state.phase = .settled
            if state.interest > 0 { state.answer = answer }
            defer { state.waiters = [:] }
            return (answer, Array(state.waiters.values))
        }
        guard let (answer, waiters) = settled else { return }
        onSettled(self, answer)
        for waiter in waiters { waiter.resume(returning: answer) }
    }

    private static func unavailable(_ reason: String) -> Inspection { Inspection(virus: .unavailable(reason)) }
}
