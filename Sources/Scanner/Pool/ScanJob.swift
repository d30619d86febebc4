import Dispatch
import Filter
import Synchronization

/// One inspection, for everybody who asked for the same at the same time. It gets exactly one answer: the work's, or the watch's
/// when the deadline comes first. It owns what the work needs, so that an abandoned thread still stands on firm ground.
final class ScanJob: Sendable {
    /// What became of a piece of work that has come back.
    enum End {
        case answered
        /// Nobody waits any more: the thread was given up.
        case abandoned
    }

    private enum Phase { case queued, running, settled }

    private struct State: Sendable {
        var phase = Phase.queued
        /// Who joined and did not leave.
        var interest = 0
        var waiters: [Int: CheckedContinuation<Inspection, Never>] = [:]
        var left: Set<Int> = []
        var nextWaiter = 0
        var answer: Inspection?
    }

    let deadline: DispatchTime
    private let asked: InspectionOrder
    private let work: @Sendable (DispatchTime) -> Inspection
    /// With the answer, and whether the work goes on without anybody who waits.
    private let onSettled: @Sendable (ScanJob, Inspection, Bool) -> Void
    private let state = Mutex(State())

    init(
        _ order: InspectionOrder, deadline: DispatchTime, onSettled: @escaping @Sendable (ScanJob, Inspection, Bool) -> Void,
        work: @escaping @Sendable (DispatchTime) -> Inspection
    ) {
        asked = order
        self.deadline = deadline
        self.onSettled = onSettled
        self.work = work
    }

    /// Registers interest; nil: too late, it was given up for want of any.
    func join() -> Int? {
        state.withLock { state in
            if state.phase == .settled && state.answer == nil { return nil }
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
                    if state.left.remove(waiter) != nil || state.phase == .settled { return unavailable("scan.cancelled") }
                    state.waiters[waiter] = continuation
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            let continuation = state.withLock { state -> CheckedContinuation<Inspection, Never>? in
                guard state.phase != .settled else { return nil }
                state.interest -= 1
                guard let continuation = state.waiters.removeValue(forKey: waiter) else {
                    state.left.insert(waiter)
                    return nil
                }
                return continuation
            }
            continuation?.resume(returning: unavailable("scan.cancelled"))
        }
    }

    /// False: there is nothing to do any more.
    func begin() -> Bool {
        let (mayRun, isForgotten) = state.withLock { state -> (Bool, Bool) in
            guard state.phase == .queued else { return (false, false) }
            state.phase = state.interest > 0 ? .running : .settled
            return (state.phase == .running, state.phase == .settled)
        }
        if isForgotten { onSettled(self, unavailable("scan.cancelled"), false) }
        return mayRun
    }

    func run() -> End { settle(work(deadline)) ? .answered : .abandoned }

    /// The deadline has come. True: it was running, and its thread is lost for now.
    func expire() -> Bool {
        let wasRunning = state.withLock { $0.phase == .running }
        // Between the two it may have begun or ended: then it is the answer of a moment ago, and no thread is lost.
        let answer = wasRunning ? Inspection(virus: asked.virus ? .clean : .notAsked, limits: ["time"]) : unavailable("scan.busy")
        return settle(answer, only: wasRunning ? .running : .queued, isAbandoned: wasRunning) && wasRunning
    }

    func refuse() { _ = settle(unavailable("scan.busy")) }

    private func settle(_ answer: Inspection, only phase: Phase? = nil, isAbandoned: Bool = false) -> Bool {
        let waiters = state.withLock { state -> [CheckedContinuation<Inspection, Never>]? in
            guard state.phase != .settled, phase == nil || state.phase == phase else { return nil }
            state.phase = .settled
            state.answer = answer
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        guard let waiters else { return false }
        onSettled(self, answer, isAbandoned)
        for waiter in waiters { waiter.resume(returning: answer) }
        return true
    }

    private func unavailable(_ reason: String) -> Inspection { Inspection(virus: .unavailable(reason)) }
}
