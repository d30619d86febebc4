import Mail
import SMTP
import Store
import Synchronization

/// Workers: each sends the messages of one lane over one connection, and writes down what became of them.
extension OutboundQueue {
    func work(_ lane: String, _ kept: Link?) async {
        var link = kept
        var served = 0
        while !Task.isCancelled, let message = state.withLock({ $0.isFinishing ? nil : $0.schedule.take(lane, served: served) }) {
            served += 1
            let next = await deliver(message, lane, &link)
            if state.withLock({ $0.schedule.hasMore(lane) }) { ring() }
            guard next != .left else {
                await link?.conversation.close()
                return ring()
            }
        }
        let now = context.now
        let isKept = link.map { $0.conversation.isOpen && $0.served < Link.limit && !Task.isCancelled } ?? false
        state.withLock { state in
            state.schedule.ended(lane, now: now)
            if isKept, let link { state.idle.keep(link, for: lane, now: now) }
        }
        if !isKept { await link?.conversation.close() }
        ring()
    }

    private enum Next { case more, left }

    private func deliver(_ message: QueuedMessage, _ lane: String, _ link: inout Link?) async -> Next {
        if message.isOurs || message.domain == context.hostname(), await isHere(message) { return .more }
        let smarthost = state.withLock { Self.smarthost(message.domain, $0.smarthosts) }
        let course = await attempt.run(message, through: smarthost, &link)
        let now = context.now
        if Task.isCancelled {
            // Broken off by us, which says nothing about the peer: what it has answered counts, the rest is due as before.
            await settle(message, course.results.filter { $0.value.isAnswered })
            return .more
        }
        if course.hasSucceeded { state.withLock { $0.schedule.succeeded(lane) } }
        guard let setback = course.laneSetback, !message.requiresTLS else {
            await settle(message, course.results)
            guard course.isSlowedDown else { return .more }
            _ = state.withLock { $0.schedule.failed(lane, now: now) }
            return .left
        }
        if setback.isPermanent {
            await settle(message, course.results)
            putOff(lane, setback, domains: [message.domain], isWholeLane: smarthost == nil)
            return .more
        }
        // Where other connections live, the message is theirs.
        let isDead = state.withLock { state in
            let isDead = state.schedule.failed(lane, now: now)
            if !isDead { state.schedule.giveBack(message, lane) }
            return isDead
        }
        guard isDead else { return .left }
        await settle(message, course.results)
        putOff(lane, setback, domains: [message.domain], isWholeLane: true)
        return .left
    }

    /// Mail for mailboxes here, which waited to be released (RFC 4865). False for any other.
    private func isHere(_ message: QueuedMessage) async -> Bool {
        do {
            guard let arrival = try await LocalArrival(message, context) else { return false }
            await settle(message, arrival.results, arrival.mailboxes)
        } catch {
            context.report("queue", "\(message.queueID): \(error)")
            await settle(message, [:])
            return true
        }
        return true
    }

    // MARK: What became of them

    private func settle(
        _ message: QueuedMessage, _ results: [Int64: Attempt.Result], _ mailboxes: [Delivery.Recipient] = []
    ) async {
        var judgement = await judge(message, results)
        if !judgement.isPostponed { judgement.settlement.mailboxes = mailboxes }
        judgement.settlement.date = InternalDate(seconds: context.now)
        await conclude(message, judgement)
    }

    /// The same for all of them: one write for those of whom nobody is told.
    func settle(_ messages: [QueuedMessage], _ setback: Setback) async {
        var silent: [(message: QueuedMessage, judgement: Reporter.Judgement)] = []
        for message in messages {
            let results = message.recipients.map { ($0.id, Attempt.Result.failed(setback)) }
            let judgement = await judge(message, Dictionary(results, uniquingKeysWith: { $1 }))
            if judgement.settlement.report == nil {
                silent.append((message, judgement))
            } else {
                await conclude(message, judgement)
            }
        }
        guard let first = silent.first else { return }
        let settlements = silent.map(\.judgement.settlement)
        let isWritten = await write(first.message.queueID) { store throws(StoreFailure) in try await store.settle(settlements) }
        guard isWritten else { return }
        for (message, judgement) in silent { release(message, due: judgement.due) }
    }

    private func conclude(_ message: QueuedMessage, _ judgement: Reporter.Judgement) async {
        let isWritten = await write(message.queueID) { store throws(StoreFailure) in _ = try await store.settle(judgement.settlement) }
        if isWritten { release(message, due: judgement.due) }
    }

    private func judge(_ message: QueuedMessage, _ results: [Int64: Attempt.Result]) async -> Reporter.Judgement {
        for recipient in message.recipients {
            guard case .failed(let setback) = results[recipient.id] else { continue }
            context.log(
                "\(message.queueID): \(recipient.recipient.address)\(setback.host.isEmpty ? "" : " at \(setback.host)"): "
                    + "\(setback.isPermanent ? "failed" : "deferred"): \(setback.status) \(setback.line)")
        }
        return await reporter.judge(message, results)
    }

    /// Does not give up before it is written what became of a message: what was delivered must not be sent again.
    /// False where it can't be: such messages stay handed out, and are not sent again while the server runs.
    private func write(_ queueID: String, _ write: (MailStore) async throws(StoreFailure) -> Void) async -> Bool {
        var wait = 1
        while true {
            do throws(StoreFailure) {
                try await write(context.store)
                return true
            } catch {
                context.report("queue", "\(queueID): \(error)")
                guard error != .closed, error.isTemporary else { return false }
                try? await Task.sleep(for: .seconds(wait))
                // Cancelled, it does not sleep: a few tries more, then the process ends anyway.
                if Task.isCancelled, wait > 60 { return false }
                wait = min(wait * 2, Task.isCancelled ? 120 : 30)
            }
        }
    }

    private func release(_ message: QueuedMessage, due: Int64?) {
        let now = context.now
        let due = due.flatMap { $0 <= now + Self.horizon ? $0 : nil }
        state.withLock { state in
            state.schedule.release(
                message, due: due, hasMore: message.recipients.count == SendingLimits().recipients, now: now)
        }
    }
}
