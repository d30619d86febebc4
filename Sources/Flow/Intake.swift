import Dialogue
import Mail
import SMTP
import Store

/// What becomes of a message: complete what was submitted, gather the facts, judge, place, deliver in one transaction, reply.
struct Intake: Sendable {
    enum Outcome: Sendable {
        /// Durable for every recipient.
        case delivered(queueID: String)
        case refused(Reply, Reason)
    }

    let context: ReceptionContext

    init(_ context: ReceptionContext) { self.context = context }

    func take(_ arrival: Arrival) async -> Outcome {
        do throws(StoreFailure) {
            var arrival = arrival
            let stamp = stamp()
            if arrival.origin != .elsewhere {
                let submission = Submission(context: context, login: arrival.origin.login)
                switch try await submission.take(arrival.spool, from: arrival.transaction.reversePath, stamp) {
                case .ready(let spool): arrival.spool = spool
                case .refused(let reply, let reason): return .refused(reply, reason)
                }
            }
            let facts = try await gather(arrival, stamp)
            if let refusal = judge(arrival, facts) { return refusal }
            return try await deliver(arrival, facts)
        } catch {
            context.report("delivery", "\(error)")
            return .refused(Reception.storageReply(error), Reason("trace.storage", ["failure": error.code]))
        }
    }

    // MARK: Gather

    private func stamp() -> MessageStamp {
        let now = context.clock()
        let seconds = now / 1_000_000
        return MessageStamp(
            queueID: context.queueIDs.next(microseconds: UInt64(clamping: now)),
            date: InternalDate(seconds: seconds, zoneMinutes: context.zone(seconds)))
    }

    struct Facts: Sendable {
        var queueID: String
        var date: InternalDate
        var summary: MessageSummary
        var isEightBit: Bool
        /// RFC 4865: seconds since 1970 before which nobody gets it, however near he is; 0: at once.
        var due: Int64
        /// Addresses that the message was at already, folded; looked for where it is forwarded.
        var deliveredTo: Set<String>
    }

    private func gather(_ arrival: Arrival, _ stamp: MessageStamp) async throws(StoreFailure) -> Facts {
        let summary = try await Summary.of(arrival.spool, context.workshop)
        let due = arrival.transaction.mail.hold?.due(stamp.date.seconds) ?? 0
        let leaves = due > 0 || arrival.recipients.contains { !$0.expansion.foreign.isEmpty }
        return Facts(
            queueID: stamp.queueID, date: stamp.date, summary: summary,
            isEightBit: leaves ? try await Summary.isEightBit(arrival.spool, context.workshop) : false, due: due,
            deliveredTo: arrival.recipients.contains(where: \.isForwarded)
                ? try await Summary.deliveredTo(arrival.spool, context.workshop) : [])
    }

    // MARK: Judge

    private func judge(_ arrival: Arrival, _ facts: Facts) -> Outcome? {
        let limit = context.store.integer(.receivedLimit)
        // RFC 5321 §6.3: loop detection by counting Received fields.
        guard facts.summary.receivedCount <= limit else {
            return .refused(
                Reply(554, "5.4.6", "Too many hops: \(facts.summary.receivedCount) Received fields"),
                Reason("trace.hops", ["count": "\(facts.summary.receivedCount)", "limit": "\(limit)"]))
        }
        // What was forwarded from here has come back.
        if let recipient = arrival.recipients.first(where: { $0.isForwarded && facts.deliveredTo.contains($0.address.asciiLowercased) }) {
            return .refused(
                Reply(554, "5.4.6", "Mail forwarding loop for <\(recipient.address)>"),
                Reason("trace.forwarding-loop", ["address": recipient.address]))
        }
        return nil
    }

    // MARK: Deliver

    /// Each recipient that RCPT accepted counts, whatever it expands to.
    private func tally(_ arrival: Arrival, _ facts: Facts) -> Tally? {
        arrival.origin.login.map { login in
            .sent(
                login: login, day: SentCount.day(facts.date.seconds), recipients: arrival.recipients.count, limit: DailyLimit(context).limit
            )
        }
    }

    /// The answer to NOTIFY=SUCCESS where the message's way ends here or is told to end here; nil where nobody asked.
    private func report(
        _ told: [DeliveryReport.Recipient], _ arrival: Arrival, _ facts: Facts
    ) async throws(StoreFailure) -> Delivery? {
        guard !told.isEmpty else { return nil }
        let mail = arrival.transaction.mail
        let subject = ReportDispatch.Subject(
            queueID: facts.queueID, sender: arrival.transaction.reversePath.text, envelopeID: mail.envelopeID, ret: mail.returned,
            arrival: facts.date.seconds, smtpUTF8: mail.smtpUTF8, requiresTLS: mail.requiresTLS,
            content: SpooledContent(spool: arrival.spool, workshop: context.workshop))
        do {
            return try await context.dispatch.report(on: subject, told)
        } catch {
            throw error as? StoreFailure ?? .unavailable
        }
    }

    private func deliver(_ arrival: Arrival, _ facts: Facts) async throws(StoreFailure) -> Outcome {
        let placement = Placement(arrival, facts, hostname: context.hostname)
        var delivery = placement.delivery
        delivery.tally = tally(arrival, facts)
        let report = try await report(placement.told, arrival, facts)
        do throws(StoreFailure) {
            _ = try await context.store.deliver(delivery, report: report)
            return .delivered(queueID: facts.queueID)
        } catch .overQuota {
            return .refused(Reply(552, "5.2.2", "Mailbox full"), Reason("trace.mailbox-full"))
        } catch .nonExistent {
            return .refused(Reply(550, "5.1.1", "User unknown"), Reason("trace.unknown-user"))
        } catch .notAllowed {
            return .refused(.noAccount, Reason("trace.no-account"))
        } catch .limit {
            let daily = DailyLimit(context)
            guard let login = arrival.origin.login else { return .refused(daily.reply, daily.reason("")) }
            await daily.tell(of: login)
            return .refused(daily.reply, daily.reason(login))
        }
    }
}
