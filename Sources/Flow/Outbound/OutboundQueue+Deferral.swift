import SMTP
import Store
import Synchronization

extension OutboundQueue {
    /// What holds for one message of a destination holds for all that is due there: it is put off page by page, without an attempt for
    /// each.
    struct Deferral: Sendable {
        var lane: String
        var setback: Setback
        /// Handed out already.
        var messages: [QueuedMessage]
        var domains: Set<String>
    }

    /// Messages that are put off in one write. What is being delivered waits no longer for its own.
    private static let deferralPage = 100

    func putOff(_ lane: String, _ setback: Setback, domains: [String], isWholeLane: Bool) {
        state.withLock { state in
            let (messages, more) = isWholeLane ? state.schedule.drain(lane) : ([], [])
            state.deferrals?.yield(Deferral(lane: lane, setback: setback, messages: messages, domains: Set(domains + more)))
        }
    }

    /// One after the other, however many destinations are dead: what is alive goes on.
    func putOff(_ deferral: Deferral) async {
        await settle(deferral.messages, deferral.setback)
        for domain in deferral.domains {
            var isAll = false
            while !isAll, !Task.isCancelled { isAll = await putOffPage(domain, deferral) }
        }
    }

    /// True: nothing of the domain is due any more, or it gets its own attempts again.
    private func putOffPage(_ domain: String, _ deferral: Deferral) async -> Bool {
        let now = context.now
        let look: (number: Int, leased: Set<Int64>)? = state.withLock { state in
            guard deferral.setback.isPermanent || state.schedule.isResting(deferral.lane, now: now) else {
                state.schedule.note(domain, due: now, now: now)
                return nil
            }
            return (state.schedule.beginReading(), state.schedule.leased(domain))
        }
        guard let look else {
            ring()
            return true
        }
        let messages: [QueuedMessage]
        let isAll: Bool
        do {
            defer { state.withLock { $0.schedule.endReading() } }
            let page = try await context.store.due(
                domain: domain, now: now, without: look.leased, limit: Self.deferralPage, recipients: SendingLimits().recipients)
            isAll = page.isAll || page.messages.isEmpty
            messages = state.withLock { state in page.messages.filter { state.schedule.lease($0, in: look.number) } }
        } catch {
            context.report("queue", "\(error)")
            return true
        }
        await settle(messages, deferral.setback)
        return isAll
    }
}
