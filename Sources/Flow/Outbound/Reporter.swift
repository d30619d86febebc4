import Mail
import SMTP
import Store

/// Turns what an attempt brought into what is written down: rows, traces, and a report to the sender where one is due.
struct Reporter: Sendable {
    let context: OutboundContext

    /// When the message's recipients are due next; nil: all are finished.
    struct Judgement: Sendable {
        var settlement: Settlement
        var due: Int64?
        /// No report could be made: whatever was to be told, mailboxes here included, is done a minute later.
        var isPostponed = false
    }

    func judge(_ message: QueuedMessage, _ results: [Int64: Attempt.Result]) async -> Judgement {
        let now = context.now
        let plan = context.plan
        var outcomes: [(id: Int64, outcome: Settlement.Outcome)] = []
        var trace: [TraceEntry] = []
        var told: [DeliveryReport.Recipient] = []
        var due: Int64?
        for recipient in message.recipients {
            guard let result = results[recipient.id] else { continue }
            switch result {
            case .accepted(let reply, let host, let relaysDSN):
                outcomes.append((recipient.id, .finished))
                trace.append(
                    entry("sent", message, recipient, now, host, reply.code, Reason("trace.sent", ["host": host, "reply": reply.line])))
                // RFC 3461 §5.2.2: the next host knows no DSN, so it is reported that the message went there.
                if !relaysDSN, recipient.asks(.success, byDefault: false) {
                    told.append(reported(recipient, .relayed, "2.0.0", host, reply, now))
                }
            case .delivered:
                outcomes.append((recipient.id, .finished))
                trace.append(
                    entry(
                        "delivered", message, recipient, now, "", 250,
                        Reason("trace.delivered", ["user": recipient.address, "mailbox": "INBOX"])))
                // RFC 3461 §5.2.3; where a forwarding leads stays ours to know (§5.2.7.4).
                if recipient.asks(.success, byDefault: false) {
                    var report = reported(recipient, .delivered, "2.0.0", "", nil, now)
                    report.address = recipient.forwardedFor ?? recipient.address
                    report.forwardedFor = nil
                    told.append(report)
                }
            case .failed(let setback):
                let next = setback.isPermanent ? nil : plan.next(attempts: recipient.state.attempts + 1, since: message.since, now: now)
                guard let next else {
                    outcomes.append((recipient.id, .finished))
                    // RFC 3463 §3.5: X.4.7, delivery time expired.
                    let status: EnhancedStatus = setback.isPermanent ? setback.status : "5.4.7"
                    trace.append(
                        entry(
                            "bounced", message, recipient, now, setback.host, setback.reply?.code ?? 0,
                            Reason(
                                setback.isPermanent ? "trace.bounced" : "trace.expired", ["host": setback.host, "reply": setback.line])))
                    if recipient.asks(.failure, byDefault: true) {
                        told.append(reported(recipient, .failed, status, setback.host, setback.reply, now, setback))
                    }
                    continue
                }
                var state = recipient.state
                state.due = next
                state.attempts += 1
                state.lastAttempt = now
                state.host = setback.host
                state.code = setback.reply?.code ?? 0
                state.reply = setback.line
                // Said once for each answer, not once for each attempt.
                if recipient.state.reply != state.reply || recipient.state.attempts == 0 {
                    trace.append(
                        entry(
                            "deferred", message, recipient, now, setback.host, state.code,
                            Reason("trace.deferred", ["host": setback.host, "reply": setback.line])))
                }
                state.reason = setback.reason
                if !state.isWarned, plan.isWarningDue(since: message.since, now: now) {
                    state.isWarned = true
                    if recipient.asks(.delay, byDefault: true) {
                        var report = reported(recipient, .delayed, setback.status, setback.host, setback.reply, now, setback)
                        report.retryUntil = message.since + Int64(plan.lifetime)
                        told.append(report)
                    }
                }
                due = min(due ?? .max, next)
                outcomes.append((recipient.id, .waits(state)))
            }
        }
        var settlement = Settlement(message: message.id, recipients: outcomes, trace: trace)
        var isPostponed = false
        do {
            if !told.isEmpty { settlement.report = try await context.dispatch.report(on: subject(message), told) }
        } catch {
            context.report("report", "\(message.queueID): \(error)")
            due = Self.postpone(&settlement, message, results, now)
            isPostponed = true
        }
        return Judgement(settlement: settlement, due: due, isPostponed: isPostponed)
    }

    /// Nobody is given up, nor delivered to here, without the report: whoever was to be is looked at again a minute later. What another host
    /// has taken is gone.
    private static func postpone(
        _ settlement: inout Settlement, _ message: QueuedMessage, _ results: [Int64: Attempt.Result], _ now: Int64
    ) -> Int64 {
        settlement.trace.removeAll { $0.event == "bounced" || $0.event == "delivered" }
        settlement.recipients = settlement.recipients.map { id, outcome in
            guard outcome == .finished, let recipient = message.recipients.first(where: { $0.id == id }) else { return (id, outcome) }
            if case .accepted = results[id] { return (id, outcome) }
            var state = recipient.state
            state.due = now + 60
            return (id, .waits(state))
        }
        return now + 60
    }

    private func subject(_ message: QueuedMessage) -> ReportDispatch.Subject {
        ReportDispatch.Subject(
            queueID: message.queueID, sender: message.sender, envelopeID: message.envelopeID, ret: message.ret, arrival: message.created,
            smtpUTF8: message.smtpUTF8, requiresTLS: message.requiresTLS, content: StoredContent(store: context.store, body: message.body))
    }

    private func reported(
        _ recipient: QueuedMessage.Recipient, _ action: DeliveryReport.Action, _ status: EnhancedStatus, _ host: String, _ reply: Reply?,
        _ now: Int64, _ setback: Setback? = nil
    ) -> DeliveryReport.Recipient {
        // The host's name without its address.
        let name = host.prefix { $0 != " " }
        return DeliveryReport.Recipient(
            address: recipient.recipient.address, originalType: recipient.recipient.originalType,
            originalAddress: recipient.recipient.originalAddress, forwardedFor: recipient.recipient.forwardedFor, action: action,
            status: status, host: String(name), reply: reply, detail: setback?.detail ?? "", reason: setback?.reason ?? "",
            lastAttempt: now)
    }

    private func entry(
        _ event: String, _ message: QueuedMessage, _ recipient: QueuedMessage.Recipient, _ now: Int64, _ host: String, _ code: Int,
        _ reason: Reason
    ) -> TraceEntry {
        TraceEntry(
            time: now, event: event, queueID: message.queueID, messageID: message.messageID, peer: host, sender: message.sender,
            recipient: recipient.recipient.forwardedFor ?? recipient.recipient.address,
            destination: recipient.recipient.forwardedFor == nil ? "" : recipient.recipient.address, code: code, text: reason.stored)
    }
}

extension QueuedMessage.Recipient {
    /// RFC 3461 §4.1: what NOTIFY asks for; without it failures and delays are told.
    fileprivate func asks(_ wanted: RecipientParameters.Notify, byDefault fallback: Bool) -> Bool {
        guard let notify = recipient.notify else { return fallback }
        return RecipientParameters.Notify(rawValue: UInt8(truncatingIfNeeded: notify)).contains(wanted)
    }
}
