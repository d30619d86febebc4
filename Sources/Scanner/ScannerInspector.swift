import Dispatch
package import Filter
import Glibc
import Synchronization

/// Messages are looked at on threads of their own, each content once, remembered while it is the same; what killed the process
/// twice is not looked at again.
package final class ScannerInspector: Inspector {
    package struct Configuration: Sendable, Equatable {
        package var threads: Int
        /// Messages that wait for a thread.
        package var backlog: Int
        /// For each message, its wait included.
        package var seconds: Int
        /// Threads that never came back before `onStuck`.
        package var stuck: Int

        package init(threads: Int = 0, backlog: Int = 200, seconds: Int = 50, stuck: Int = 4) {
            self.threads = threads > 0 ? threads : max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
            self.backlog = backlog
            self.seconds = seconds
            self.stuck = stuck
        }
    }

    private let examiner: any Examiner
    private let pool: ScanPool
    private let cache: VerdictCache
    private let work: WorkTable?
    private let seconds: Int
    private let underWay = Mutex<[VerdictKey: ScanJob]>([:])

    /// `work` is the table of what is in work; nil: poison is not recognised. `onStuck` is called once, when the process had better
    /// begin anew.
    package convenience init(
        _ signatures: Signatures, _ configuration: Configuration = Configuration(), work: WorkTable?,
        onStuck: @escaping @Sendable () -> Void
    ) {
        self.init(EngineExaminer(signatures: signatures), configuration, work: work, onStuck: onStuck)
    }

    init(
        _ examiner: any Examiner, _ configuration: Configuration, work: WorkTable?, cached: Int = 4_096,
        onStuck: @escaping @Sendable () -> Void
    ) {
        self.examiner = examiner
        self.work = work
        seconds = configuration.seconds
        cache = VerdictCache(count: cached)
        pool = ScanPool(
            threads: configuration.threads, backlog: configuration.backlog, stuckLimit: configuration.stuck, onStuck: onStuck)
    }

    /// Scans that are over their deadline.
    package var stuck: Int { pool.stuck }

    /// Nothing is looked at any more; what is in work is not to blame for the end of the process.
    package func close() {
        pool.close()
        work?.close()
    }

    package func inspect(_ content: any InspectedContent, _ order: InspectionOrder) async -> Inspection {
        guard !order.isEmpty else { return Inspection() }
        let digest = content.digest
        let key = VerdictKey(digest: digest, order: order, engine: order.virus ? examiner.identity ?? "" : "")
        if var known = cache.find(key) {
            known.virusMilliseconds = 0
            known.namesMilliseconds = 0
            return known
        }
        let (job, waiter, isNew) = underWay.withLock { underWay -> (ScanJob, Int, Bool) in
            if let job = underWay[key], let waiter = job.join() { return (job, waiter, false) }
            let job = makeJob(content, order, key)
            // Nobody can have given up a new one.
            let waiter = job.join() ?? 0
            underWay[key] = job
            return (job, waiter, true)
        }
        if isNew, !pool.submit(job) { job.refuse() }
        return await job.wait(waiter)
    }

    private func makeJob(_ content: any InspectedContent, _ order: InspectionOrder, _ key: VerdictKey) -> ScanJob {
        ScanJob(order, deadline: .now() + .seconds(seconds)) { [weak self] job, inspection, isAbandoned in
            guard let self else { return }
            pool.forget(job)
            underWay.withLock { if $0[key] === job { $0[key] = nil } }
            if isAbandoned { work?.overdue(content.mark) }
            // Where signatures were swapped meanwhile, the answer belongs to no key.
            if !order.virus || key.engine == examiner.identity { cache.keep(inspection, key) }
        } work: { [examiner, work] deadline in
            Self.look(content, order, until: deadline, examiner, work)
        }
    }

    /// On a thread of the pool.
    private static func look(
        _ content: any InspectedContent, _ order: InspectionOrder, until deadline: DispatchTime, _ examiner: any Examiner,
        _ work: WorkTable?
    ) -> Inspection {
        var deaths = 0
        while DispatchTime.now() < deadline {
            var slot: WorkTable.Slot?
            if let work {
                let entry = work.begin(content.mark) {
                    usleep(2_000)
                    return DispatchTime.now() < deadline
                }
                switch entry {
                case .poisoned: return Inspection(virus: .poisoned)
                case .crowded: return Inspection(virus: .unavailable("scan.busy"))
                case .admitted(let admitted): slot = admitted
                }
            }
            switch examiner.examine(content, order, until: deadline) {
            case .done(let inspection):
                if let slot { work?.end(slot) }
                return inspection
            case .died:
                deaths += 1
                if let slot {
                    work?.died(slot)
                } else if deaths >= WorkTable.deaths {
                    return Inspection(virus: .unavailable("scan.failed"))
                }
            case .interrupted:
                if let slot { work?.end(slot) }
            }
        }
        return Inspection(virus: .unavailable("scan.busy"))
    }
}
