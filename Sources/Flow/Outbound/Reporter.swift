import Mail
import SMTP
import Store

/// Turns what an attempt brought into what is written down: rows, traces, and a report to the sender where one is due.
struct Reporter: Sendable {
    /// Larger originals are returned by their header only.
    static let fullLimit = 1 << 20
    static let headerLimit = 256 << 10

    let context: OutboundContext

    /// When the message's recipients are due next; nil: all are finished.
    struct Judgement: Sendable {
        var settlement: Settlement
        var due: Int64?
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
                // RFC 3461 §6.2.7.2: the next host knows no DSN, so it is reported that the message went there.
                if !relaysDSN, recipient.asks(.success, byDefault: false) {
                    told.append(reported(recipient, .relayed, "2.0.0", host, reply, now))
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
        do {
            if !told.isEmpty, let (report, entries) = try await report(on: message, told, now) {
                settlement.report = report
                settlement.trace += entries
            }
        } catch {
            context.report("report", "\(message.queueID): \(error)")
            due = Self.postpone(&settlement, message, results, now)
        }
        return Judgement(settlement: settlement, due: due)
    }

    /// Nobody is given up without the report: whoever was to be is asked again a minute later.
    private static func postpone(
        _ settlement: inout Settlement, _ message: QueuedMessage, _ results: [Int64: Attempt.Result], _ now: Int64
    ) -> Int64 {
        settlement.trace.removeAll { $0.event == "bounced" }
        settlement.recipients = settlement.recipients.map { id, outcome in
            guard outcome == .finished, case .failed = results[id], let recipient = message.recipients.first(where: { $0.id == id })
            else { return (id, outcome) }
            var state = recipient.state
            state.due = now + 60
            return (id, .waits(state))
        }
        return now + 60
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

    // MARK: The report

    /// Nil where nobody may be told: RFC 3464 §2, RFC 5321 §4.5.5: a null sender gets no report.
    private func report(
        on message: QueuedMessage, _ recipients: [DeliveryReport.Recipient], _ now: Int64
    ) async throws -> (Delivery, [TraceEntry])? {
        guard !message.sender.isEmpty,
            let sender = try? Address(parsing: message.sender, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit)
        else { return nil }
        let id = context.queueIDs.next(microseconds: UInt64(clamping: context.clock()))
        let setting = context.store.value(.reportLanguage)
        let report = DeliveryReport(
            hostname: context.hostname(), queueID: message.queueID, reportID: id, sender: message.sender,
            envelopeID: message.envelopeID, arrival: message.created, now: now,
            language: setting == "auto" ? context.language() : setting, recipients: recipients,
            original: try await original(message, isWanted: recipients.contains { $0.action == .failed }),
            isInternational: message.smtpUTF8)
        let spool = context.store.spool()
        try spool.append(report.bytes(context.words))
        let summary = try await Summary.of(spool, context.workshop)
        return try await address(
            Delivery(
                spool: spool, envelope: summary.envelope, structure: summary.structure, date: InternalDate(seconds: now),
                recipients: []), report, on: message, to: sender, summary.messageID ?? "", now)
    }

    private func address(
        _ delivery: Delivery, _ report: DeliveryReport, on message: QueuedMessage, to sender: Address, _ messageID: String, _ now: Int64
    ) async throws -> (Delivery, [TraceEntry])? {
        let administrator = context.store.value(.administrator)
        let recipients = Recipients(
            hostname: context.hostname(), tagSeparator: context.store.value(.separator),
            administrator: administrator.isEmpty ? nil : administrator)
        // A sender whose forwardings are a circle has nobody to be told.
        let expansion = try await context.store.withAddressBook { book in
            do { return try recipients.expand(sender, in: book) } catch is ExpansionFailure { return Expansion() }
        }
        var delivery = delivery
        delivery.recipients = expansion.locals.map { local in
            Delivery.Recipient(
                user: UserID(local.user.id), prefix: Array("Return-Path: <>\r\nDelivered-To: \(local.user.address)\r\n".utf8),
                mayExceedQuota: true)
        }
        if !expansion.foreign.isEmpty {
            delivery.outgoing = Outgoing(
                queueID: report.reportID, sender: "", recipients: expansion.foreign.map { Outgoing.Recipient(address: $0.description) },
                smtpUTF8: report.isInternational, requiresTLS: message.requiresTLS, isEightBit: report.isEightBit, messageID: messageID)
        }
        let to = sender.description
        func note(_ event: String, _ key: String) -> TraceEntry {
            TraceEntry(
                time: now, event: event, queueID: report.reportID, messageID: messageID, recipient: to,
                text: Reason(key, ["id": report.queueID]).stored)
        }
        guard !expansion.isEmpty else {
            // Nobody is left who could be told.
            try await context.store.record([note("dropped", "trace.report-dropped")])
            return nil
        }
        return (delivery, [note(expansion.locals.isEmpty ? "queued" : "delivered", "trace.report")])
    }

    /// RFC 3461 §4.3: what RET asks for, of a failed message; the header only of one that is large, or not lost.
    private func original(_ message: QueuedMessage, isWanted: Bool) async throws -> DeliveryReport.Original {
        let content = StoredContent(store: context.store, body: message.body)
        // RFC 8689 §5: of a message that required TLS the header only, whatever RET says.
        if isWanted, message.ret != "HDRS", !message.requiresTLS, content.count <= Self.fullLimit {
            return .full(try await read(content, limit: content.count) { _ in false })
        }
        let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        var bytes = try await read(content, limit: min(content.count, Self.headerLimit)) { bytes in find(end, in: bytes) != nil }
        if let place = find(end, in: bytes) { bytes.removeSubrange((place + 2)...) }
        return .headers(bytes)
    }

    private func read(_ content: StoredContent, limit: Int, until isEnough: ([UInt8]) -> Bool) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit, !isEnough(bytes) {
            let piece = try await content.read(at: bytes.count, limit: limit - bytes.count)
            guard !piece.isEmpty else { break }
            bytes += piece
        }
        return bytes
    }
}

private func find(_ needle: [UInt8], in bytes: [UInt8]) -> Int? {
    guard bytes.count >= needle.count else { return nil }
    return (0...(bytes.count - needle.count)).first { bytes[$0] == needle[0] && bytes[$0..<$0 + needle.count].elementsEqual(needle) }
}

extension QueuedMessage.Recipient {
    /// RFC 3461 §4.1: what NOTIFY asks for; without it failures and delays are told.
    fileprivate func asks(_ wanted: RecipientParameters.Notify, byDefault fallback: Bool) -> Bool {
        guard let notify = recipient.notify else { return fallback }
        return RecipientParameters.Notify(rawValue: UInt8(truncatingIfNeeded: notify)).contains(wanted)
    }
}
