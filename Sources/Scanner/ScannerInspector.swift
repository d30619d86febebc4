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
        /// Seconds for the scan of a message, from its beginning on.
        package var seconds: Int
        /// Seconds within which it must have begun; else it was not scanned, for now.
        package var wait: Int
        /// Threads that never came back before `onStuck`.
        package var stuck: Int

        package init(threads: Int = 0, backlog: Int = 200, seconds: Int = 50, wait: Int = 30, stuck: Int = 4) {
            self.threads = threads > 0 ? threads : max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
            self.backlog = backlog
            self.seconds = seconds
            self.wait = wait
            self.stuck = stuck
        }
    }

    private let examiner: any Examiner
    private let pool: ScanPool
    private let cache: VerdictCache
    private let work: WorkTable?
    private let configuration: Configuration
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
        self.configuration = configuration
        cache = VerdictCache(count: cached)
        pool = ScanPool(
            threads: configuration.threads, backlog: configuration.backlog, stuckLimit: configuration.stuck, onStuck: onStuck)
    }

    /// Scans that did not come back.
    package var stuck: Int { pool.stuck }

    /// Nothing is looked at any more; what is in work is not to blame for the end of the process.
    package func close() {
        pool.close()
        work?.close()
    }

    package func inspect(_ content: any InspectedContent, _ order: InspectionOrder) async -> Inspection {
        guard !order.isEmpty else { return Inspection() }
        let digest = content.digest
        let key = VerdictKey(digest: digest, order: order, engine: examiner.identity(order))
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
        let latest = DispatchTime.now() + .seconds(configuration.wait)
        return ScanJob(order, latestStart: latest, seconds: configuration.seconds) { [weak self] job, inspection in
            guard let self else { return }
            // A suspect whose turn has not come gives way.
            work?.renounce(content.mark)
            underWay.withLock { if $0[key] === job { $0[key] = nil } }
            // Where signatures were swapped meanwhile, the answer belongs to no key.
            if key.engine == examiner.identity(order) { cache.keep(inspection, key) }
        } onLost: { [work] in
            work?.overdue(content.mark)
        } work: { [examiner, work] job in
            Self.look(content, order, job, examiner, work)
        }
    }

    /// A child that others break is waited for so often.
    private static let attempts = 4

    /// On a thread of the pool; nil: it is not its turn.
    private static func look(
        _ content: any InspectedContent, _ order: InspectionOrder, _ job: ScanJob, _ examiner: any Examiner, _ work: WorkTable?
    ) -> Inspection? {
        var deaths = 0
        for _ in 0..<attempts {
            guard let examine = examiner.prepare(order, until: job.latestStart) else {
                return Inspection(virus: .unavailable("scan.no-signatures"))
            }
            var slot: WorkTable.Slot?
            switch work?.begin(content.mark) {
            case nil: break
            case .poisoned: return Inspection(virus: .poisoned)
            case .crowded: return Inspection(virus: .unavailable("scan.busy"))
            case .later: return nil
            case .admitted(let admitted): slot = admitted
            }
            guard let deadline = job.startClock() else {
                if let slot { work?.leave(slot) }
                break
            }
            switch examine(content, order, deadline) {
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
                if let slot { work?.leave(slot) }
            }
            guard job.stopClock() else { break }
        }
        return Inspection(virus: .unavailable("scan.busy"))
    }
}
