import Mail
import SMTP
import Store
import Synchronization

/// Delivers what waits. One loop decides (`Schedule`), workers obey; everything that must last is in the store, so that a crash
/// costs nothing but what was under way.
package final class OutboundQueue: Sendable {
    /// Seconds between looks at everything, and how far ahead those look.
    private static let scanTime: Int64 = 300
    static let horizon: Int64 = 600

    struct State {
        var schedule = Schedule()
        var hasArrivals = false
        var mustScan = true
        /// What is in memory may not be what is in the store.
        var hasChanged = false
        var lastScan: Int64 = 0
        var lastArrival: Int64 = 0
        var smarthosts: [String: Smarthost] = [:]
        var settings: [String] = []
        var idle = IdleLinks()
        /// Nothing more is begun.
        var isFinishing = false
        /// Wakes the loop; nil while it does not run.
        var bell: AsyncStream<Void>.Continuation?
        /// Takes what is to be put off; nil while the loop does not run.
        var deferrals: AsyncStream<Deferral>.Continuation?
    }

    let context: OutboundContext
    let attempt: Attempt
    let reporter: Reporter
    let state = Mutex(State())

    package init(_ context: OutboundContext) {
        self.context = context
        attempt = Attempt(context: context, dialer: Dialer(context), senders: SenderRewriting(context: context))
        reporter = Reporter(context: context)
    }

    /// New mail was queued, or what waits was changed.
    package func wake() {
        state.withLock { $0.hasArrivals = true }
        ring()
    }

    /// Everything is looked at anew, what no worker has yet included: somebody holds it, or has removed it.
    private func rescan() {
        state.withLock { state in
            state.mustScan = true
            state.hasChanged = true
        }
        ring()
    }

    func ring() { _ = state.withLock { $0.bell }?.yield() }

    /// Connections that are open now, and destinations that are being served.
    package var activity: (workers: Int, lanes: Int) { state.withLock { ($0.schedule.workers, $0.schedule.lanes.count) } }

    /// Of domains (A-labels, folded) those whose destination rests after failures, and until when (seconds since 1970).
    package func rests(of domains: [String]) -> [String: Int64] {
        let now = context.now
        return state.withLock { state in
            domains.reduce(into: [:]) { rests, domain in rests[domain] = state.schedule.rest(of: domain, now: now) }
        }
    }

    /// Takes no further message. Returns when those under way are settled, or after `grace`: what is cut off then may be on its way twice.
    package func finish(grace: Duration) async {
        state.withLock { $0.isFinishing = true }
        let end = ContinuousClock.now + grace
        while state.withLock({ $0.schedule.workers > 0 }), ContinuousClock.now < end {
            guard (try? await Task.sleep(for: .milliseconds(50))) != nil else { return }
        }
    }

    /// Until it is cancelled, which breaks conversations off.
    package func run() async {
        await withTaskExecutorPreference(context.transport.executor()) { await schedule() }
    }

    private func schedule() async {
        let (signals, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (deferrals, putOff) = AsyncStream.makeStream(of: Deferral.self)
        state.withLock { state in
            state.bell = bell
            state.deferrals = putOff
        }
        let watch = context.store.watchQueue(arrived: { [weak self] in self?.wake() }, changed: { [weak self] in self?.rescan() })
        rescan()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tick() }
            group.addTask { for await deferral in deferrals { await self.putOff(deferral) } }
            for await _ in signals {
                guard !Task.isCancelled else { break }
                await look()
                while !Task.isCancelled, let action = nextAction() {
                    switch action {
                    case .load(let lane, let domain, let leased): await load(lane, domain, leased)
                    // Where its connection lives, so that nothing is handed from thread to thread.
                    case .open(let lane):
                        let (link, surplus) = connection(for: lane)
                        group.addTask(executorPreference: link?.executor ?? context.transport.executor()) {
                            await surplus?.conversation.close()
                            await self.work(lane, link)
                        }
                    }
                }
            }
            group.cancelAll()
        }
        for wake in watch { wake.cancel() }
        await close(state.withLock { $0.idle.removeAll() })
    }

    /// All at once, since a peer may take its time over QUIT.
    private func close(_ links: [Link]) async {
        await withDiscardingTaskGroup { group in
            for link in links { group.addTask { await link.conversation.close() } }
        }
    }

    /// The connection that a worker takes over, and one that must go before it opens its own: those that wait count among all.
    private func connection(for lane: String) -> (link: Link?, surplus: Link?) {
        state.withLock { state in
            if let link = state.idle.take(lane) { return (link, nil) }
            return (nil, state.schedule.workers + state.idle.count > state.schedule.caps.total ? state.idle.removeLeastUseful() : nil)
        }
    }

    private func nextAction() -> Schedule.Action? {
        let now = context.now
        return state.withLock { state in
            guard !state.isFinishing else { return nil }
            let smarthosts = state.smarthosts
            state.schedule.advance(now: now) { Self.lane($0, smarthosts) }
            let idle = state.idle
            return state.schedule.next(now: now, idle: idle.count) { idle.has($0) }
        }
    }

    /// Twice a second: what has become due, and connections that nobody used.
    private func tick() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(500))
            let now = context.now
            let (isDue, links) = state.withLock { state in
                let old = state.idle.removeOld(now: now)
                state.schedule.sweep(now: now)
                // Also where the clock was set back.
                if abs(now - state.lastScan) >= Self.scanTime { state.mustScan = true }
                // What is in memory may wait for a destination's rest to end.
                let isWaiting = state.schedule.workers == 0 || state.schedule.pendingCount > 0
                return (state.mustScan || isWaiting || state.schedule.nextDue.map { $0 <= now } ?? false, old)
            }
            await close(links)
            if isDue { ring() }
        }
    }

    // MARK: What waits

    private func look() async {
        let now = context.now
        let (mustScan, hasArrivals) = state.withLock { state in
            if state.hasChanged { state.schedule.unload(now: now) }
            defer {
                state.hasChanged = false
                state.mustScan = false
                state.hasArrivals = false
            }
            return (state.mustScan, state.hasArrivals)
        }
        do {
            if mustScan { try await scan() } else if hasArrivals { try await takeArrivals() }
        } catch {
            context.report("queue", "\(error)")
            state.withLock { $0.lastScan = context.now - Self.scanTime + 10 }
        }
    }

    private func scan() async throws {
        let now = context.now
        let newest = try await context.store.newestArrival()
        let smarthosts = try await context.store.smarthosts()
        let caps = Schedule.Caps(
            destination: context.store.integer(.destinationConcurrency), total: context.store.integer(.outboundConcurrency))
        let settings = Link.Grounds.values(context.store)
        let obsolete: [Link] = state.withLock { state in
            state.lastScan = now
            state.lastArrival = max(state.lastArrival, newest)
            let routes = Dictionary(smarthosts.map { ($0.domain, $0) }, uniquingKeysWith: { $1 })
            state.schedule.caps = caps
            guard routes != state.smarthosts || settings != state.settings else { return [] }
            if routes != state.smarthosts { state.schedule.forgetRoutes() }
            state.schedule.forgetFailures()
            state.smarthosts = routes
            state.settings = settings
            // Made by the old terms: another password, less encryption.
            return state.idle.removeAll()
        }
        await close(obsolete)
        var name: String?
        repeat {
            let page = try await context.store.dueDomains(after: name, until: now + Self.horizon)
            note(page.domains, now)
            name = page.next
        } while name != nil && !Task.isCancelled
    }

    private func takeArrivals() async throws {
        var isEnd = false
        while !isEnd, !Task.isCancelled {
            let now = context.now
            let (reading, after) = state.withLock { state in (state.schedule.beginReading(), state.lastArrival) }
            defer { state.withLock { $0.schedule.endReading() } }
            let page = try await context.store.arrivals(after: after, now: now, recipients: SendingLimits().recipients)
            state.withLock { state in
                let smarthosts = state.smarthosts
                for message in page.messages { state.schedule.arrived(message, in: reading, now: now) { Self.lane($0, smarthosts) } }
                state.lastArrival = max(state.lastArrival, page.last)
            }
            note(page.later, now)
            isEnd = page.isEnd
        }
    }

    private func note(_ domains: [DueDomain], _ now: Int64) {
        state.withLock { state in
            for domain in domains where domain.due <= now + Self.horizon {
                state.schedule.note(domain.name, due: domain.due, now: now)
            }
        }
    }

    private func load(_ lane: String, _ domain: String, _ leased: Set<Int64>) async {
        let reading = state.withLock { $0.schedule.beginReading() }
        defer { state.withLock { $0.schedule.endReading() } }
        do {
            let found = try await context.store.due(
                domain: domain, now: context.now, without: leased, limit: Schedule.page, recipients: SendingLimits().recipients)
            let now = context.now
            state.withLock { state in
                // Far away, the next scan finds it.
                let next = found.next.flatMap { $0 <= now + Self.horizon ? $0 : nil }
                state.schedule.loaded(
                    found.messages, of: domain, in: lane, reading: reading, isAll: found.isAll, next: next, now: now)
            }
        } catch {
            context.report("queue", "\(error)")
            let now = context.now
            state.withLock { $0.schedule.failedToLoad(domain, in: lane, now: now) }
        }
    }

    /// What is delivered over the same connections: a domain, or whatever goes through one smarthost.
    private static func lane(_ domain: String, _ smarthosts: [String: Smarthost]) -> String {
        smarthost(domain, smarthosts).map { "\($0.host):\($0.port):\($0.user):\($0.domain)" } ?? domain
    }

    static func smarthost(_ domain: String, _ smarthosts: [String: Smarthost]) -> Smarthost? {
        guard let found = smarthosts[domain] ?? smarthosts[""], !found.host.isEmpty else { return nil }
        return found
    }
}
