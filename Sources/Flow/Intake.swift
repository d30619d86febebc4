import Dialogue
import Mail
import SMTP
import Store

/// A message whose content is whole, with everything that is known about how it came.
struct Arrival: Sendable {
    struct Recipient: Sendable {
        /// As RCPT gave it.
        var address: String
        var parameters: RecipientParameters
        var expansion: Expansion

        /// It leaves the server under another address.
        var isForwarded: Bool { expansion.foreign.contains { $0.description != address } }
    }

    /// What the client is to us, which says whether it submits a message or brings one from elsewhere.
    enum Origin: Sendable, Equatable {
        case elsewhere
        /// One of `networks`.
        case networks
        /// Folded.
        case login(String)

        var login: String? {
            switch self {
            case .login(let login): login
            case .elsewhere, .networks: nil
            }
        }
    }

    var transaction: Transaction
    var spool: Spool
    var connection: Connection
    var recipients: [Recipient]
    var origin: Origin = .elsewhere
}

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
            return try await deliver(place(arrival, facts), arrival, facts)
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

    private struct Facts: Sendable {
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

    // MARK: Place

    /// Each mailbox and each foreign address once, whatever the number of ways that led there.
    private func place(_ arrival: Arrival, _ facts: Facts) -> Delivery {
        let header = TraceHeader(
            hostname: context.hostname, connection: arrival.connection, greeting: arrival.transaction.greeting,
            transmissionType: arrival.transaction.transmissionType, reversePath: arrival.transaction.reversePath, queueID: facts.queueID,
            date: facts.date)
        let sender = arrival.transaction.reversePath.text
        // Where the original has no header of its own, an empty line ends ours.
        let separator: [UInt8] = facts.summary.hasHeader ? [] : [0x0D, 0x0A]
        var locals: [Delivery.Recipient] = []
        var outgoing: [Outgoing.Recipient] = []
        var trace: [TraceEntry] = []
        var seenUsers: Set<Int64> = []
        var seenForeign: Set<String> = []

        var seenWays: Set<String> = []

        // Each way from a recipient to a destination once, however often RCPT named it.
        func note(_ event: String, _ recipient: String, at destination: String, _ reason: Reason) {
            guard seenWays.insert(recipient + "\n" + destination).inserted else { return }
            trace.append(
                TraceEntry(
                    time: facts.date.seconds, event: event, queueID: facts.queueID, messageID: facts.summary.messageID ?? "",
                    peer: arrival.connection.peerAddress, sender: sender, recipient: recipient, destination: destination, code: 250,
                    text: reason.stored))
        }

        let release = MailDate.format(seconds: facts.due, zoneMinutes: facts.date.zoneMinutes)
        for recipient in arrival.recipients {
            for local in recipient.expansion.locals {
                // What is held waits in the queue, which delivers it to mailboxes here in its time.
                guard facts.due == 0 else {
                    let address = local.user.address
                    if seenUsers.insert(local.user.id).inserted { outgoing.append(Outgoing.Recipient(address, recipient)) }
                    note("queued", recipient.address, at: address, Reason("trace.held", ["address": address, "time": release]))
                    continue
                }
                note(
                    "delivered", recipient.address, at: local.user.address,
                    Reason("trace.delivered", ["user": local.user.address, "mailbox": "INBOX"]))
                // Several ways into one mailbox: one copy, each way with its trace.
                guard seenUsers.insert(local.user.id).inserted else { continue }
                locals.append(
                    Delivery.Recipient(
                        user: UserID(local.user.id),
                        prefix: header.prefix(deliveredTo: local.user.address, originalRecipient: recipient.address) + separator))
            }
            for foreign in recipient.expansion.foreign where seenForeign.insert(foreign.key).inserted {
                let address = foreign.description
                outgoing.append(Outgoing.Recipient(address, recipient))
                note(
                    "queued", recipient.address, at: address,
                    facts.due == 0
                        ? Reason("trace.queued", ["address": address])
                        : Reason("trace.held", ["address": address, "time": release]))
            }
            for dead in recipient.expansion.dead {
                note("dropped", recipient.address, at: dead, Reason("trace.dead-destination", ["address": dead]))
            }
        }
        // One answer goes to the sender. Where it stands for several recipients, a full mailbox among them takes this message
        // still: RCPT refuses the next one, and what was answered 250 is in every mailbox.
        if locals.count + outgoing.count > 1 {
            for index in locals.indices { locals[index].mayExceedQuota = true }
        }
        return Delivery(
            spool: arrival.spool, envelope: facts.summary.envelope, structure: facts.summary.structure, date: facts.date,
            recipients: locals,
            outgoing: outgoing.isEmpty
                ? nil
                : Outgoing(
                    queueID: facts.queueID, sender: sender, recipients: outgoing,
                    // RFC 5321 §7.2: with several recipients none is named, since one may be hidden from the others.
                    prefix: header.relayPrefix(
                        originalRecipient: arrival.recipients.count == 1 ? arrival.recipients[0].address : nil,
                        forwardedFor: arrival.recipients.count == 1 && arrival.recipients[0].isForwarded
                            ? arrival.recipients[0].address : nil) + separator,
                    ret: arrival.transaction.mail.ret.map { $0 == .full ? "FULL" : "HDRS" },
                    envelopeID: arrival.transaction.mail.envelopeID, smtpUTF8: arrival.transaction.mail.smtpUTF8,
                    login: arrival.origin.login ?? "", requiresTLS: arrival.transaction.mail.requiresTLS, isEightBit: facts.isEightBit,
                    messageID: facts.summary.messageID ?? "", due: facts.due),
            trace: trace, tally: tally(arrival, facts))
    }

    /// Each recipient that RCPT accepted counts, whatever it expands to.
    private func tally(_ arrival: Arrival, _ facts: Facts) -> Tally? {
        arrival.origin.login.map { login in
            .sent(
                login: login, day: SentCount.day(facts.date.seconds), recipients: arrival.recipients.count, limit: DailyLimit(context).limit
            )
        }
    }

    // MARK: Deliver

    private func deliver(_ delivery: Delivery, _ arrival: Arrival, _ facts: Facts) async throws(StoreFailure) -> Outcome {
        do throws(StoreFailure) {
            _ = try await context.store.deliver(delivery)
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

/// What a message is called here, and when it came.
struct MessageStamp: Sendable {
    var queueID: String
    var date: InternalDate
}

extension MailParameters.Hold {
    /// Seconds since 1970; 0 when that is not later than `now`.
    fileprivate func due(_ now: Int64) -> Int64 {
        let due =
            switch self {
            // RFC 4865 §5: counted from when we have the message.
            case .forSeconds(let seconds): now.addingReportingOverflow(Int64(seconds)).partialValue
            case .until(let time): time
            }
        return due > now ? due : 0
    }
}

extension Outgoing.Recipient {
    /// RFC 3461 §5.2.7.1: what the sender asked of a report goes along with the forwarded recipient.
    fileprivate init(_ address: String, _ recipient: Arrival.Recipient) {
        self.init(
            address: address, forwardedFor: address == recipient.address ? nil : recipient.address,
            notify: recipient.parameters.notify.map { Int($0.rawValue) }, originalType: recipient.parameters.original?.type,
            originalAddress: recipient.parameters.original?.address)
    }
}
