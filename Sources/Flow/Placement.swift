import Dialogue
import Mail
import SMTP
import Store

/// Where a message goes: each mailbox and each foreign address once, whatever the number of ways that led there.
struct Placement: Sendable {
    private(set) var delivery: Delivery
    /// Those whose sender asked to hear of success, where nobody further on will tell him.
    private(set) var told: [DeliveryReport.Recipient] = []

    private let arrival: Arrival
    private let facts: Intake.Facts
    private let header: TraceHeader
    private let sender: String
    private var outgoing: [Outgoing.Recipient] = []
    private var seenUsers: Set<Int64> = []
    private var seenForeign: Set<String> = []
    private var seenWays: Set<String> = []

    init(_ arrival: Arrival, _ facts: Intake.Facts, hostname: String) {
        self.arrival = arrival
        self.facts = facts
        header = TraceHeader(
            hostname: hostname, connection: arrival.connection, greeting: arrival.transaction.greeting,
            transmissionType: arrival.transaction.transmissionType, reversePath: arrival.transaction.reversePath, queueID: facts.queueID,
            date: facts.date)
        sender = arrival.transaction.reversePath.text
        delivery = Delivery(
            spool: arrival.spool, envelope: facts.summary.envelope, structure: facts.summary.structure, date: facts.date, recipients: [])
        for recipient in arrival.recipients { place(recipient) }
        // One answer goes to the sender. Where it stands for several recipients, a full mailbox among them takes this message
        // still: RCPT refuses the next one, and what was answered 250 is in every mailbox.
        if delivery.recipients.count + outgoing.count > 1 {
            for index in delivery.recipients.indices { delivery.recipients[index].mayExceedQuota = true }
        }
        if !outgoing.isEmpty { delivery.outgoing = leaving() }
    }

    // MARK: One recipient

    private mutating func place(_ recipient: Arrival.Recipient) {
        let expansion = recipient.expansion
        let asksSuccess = !sender.isEmpty && recipient.parameters.notify?.contains(.success) == true
        let isExpanded = expansion.locals.count + expansion.foreign.count > 1
        // RFC 3461 §5.2.7.3 (c): told once that it was distributed, the sender does not hear of each success.
        if asksSuccess, isExpanded { told.append(reported(recipient, .expanded)) }
        for local in expansion.locals { place(recipient, local, isExpanded: isExpanded) }
        // RFC 3461 §5.2.3; one that waits is told of when it is there.
        if asksSuccess, !isExpanded, !expansion.locals.isEmpty, facts.due == 0 { told.append(reported(recipient, .delivered)) }
        for foreign in expansion.foreign where seenForeign.insert(foreign.key).inserted {
            let address = foreign.description
            outgoing.append(Outgoing.Recipient(address, recipient, isExpanded: isExpanded))
            note(
                "queued", recipient.address, at: address,
                facts.due == 0
                    ? Reason("trace.queued", ["address": address]) : Reason("trace.held", ["address": address, "time": release]))
        }
        for dead in expansion.dead {
            note("dropped", recipient.address, at: dead, Reason("trace.dead-destination", ["address": dead]))
        }
    }

    private mutating func place(_ recipient: Arrival.Recipient, _ local: Expansion.Local, isExpanded: Bool) {
        let address = local.user.address
        // What is held waits in the queue, which delivers it to mailboxes here in its time.
        guard facts.due == 0 else {
            if seenUsers.insert(local.user.id).inserted {
                outgoing.append(Outgoing.Recipient(address, recipient, isExpanded: isExpanded))
            }
            note("queued", recipient.address, at: address, Reason("trace.held", ["address": address, "time": release]))
            return
        }
        note("delivered", recipient.address, at: address, Reason("trace.delivered", ["user": address, "mailbox": "INBOX"]))
        // Several ways into one mailbox: one copy, each way with its trace.
        guard seenUsers.insert(local.user.id).inserted else { return }
        delivery.recipients.append(
            Delivery.Recipient(
                user: UserID(local.user.id),
                prefix: header.prefix(deliveredTo: address, originalRecipient: recipient.address) + separator))
    }

    /// RFC 3461 §5.2.7.4: of the address that the sender knows; where it leads is not told.
    private func reported(_ recipient: Arrival.Recipient, _ action: DeliveryReport.Action) -> DeliveryReport.Recipient {
        DeliveryReport.Recipient(
            address: recipient.address, originalType: recipient.parameters.original?.type,
            originalAddress: recipient.parameters.original?.address, action: action, status: "2.0.0")
    }

    /// Each way from a recipient to a destination once, however often RCPT named it.
    private mutating func note(_ event: String, _ recipient: String, at destination: String, _ reason: Reason) {
        guard seenWays.insert(recipient + "\n" + destination).inserted else { return }
        delivery.trace.append(
            TraceEntry(
                time: facts.date.seconds, event: event, queueID: facts.queueID, messageID: facts.summary.messageID ?? "",
                peer: arrival.connection.peerAddress, sender: sender, recipient: recipient, destination: destination, code: 250,
                text: reason.stored))
    }

    private var release: String { MailDate.format(seconds: facts.due, zoneMinutes: facts.date.zoneMinutes) }

    /// Where the original has no header of its own, an empty line ends ours.
    private var separator: [UInt8] { facts.summary.hasHeader ? [] : [0x0D, 0x0A] }

    // MARK: What leaves

    private func leaving() -> Outgoing {
        let mail = arrival.transaction.mail
        // RFC 5321 §7.2: with several recipients none is named, since one may be hidden from the others.
        let only = arrival.recipients.count == 1 ? arrival.recipients.first : nil
        return Outgoing(
            queueID: facts.queueID, sender: sender, recipients: outgoing,
            prefix: header.relayPrefix(
                originalRecipient: only?.address, forwardedFor: only.flatMap { $0.isForwarded ? $0.address : nil }) + separator,
            ret: mail.returned, envelopeID: mail.envelopeID, smtpUTF8: mail.smtpUTF8, login: arrival.origin.login ?? "",
            requiresTLS: mail.requiresTLS, isEightBit: facts.isEightBit, messageID: facts.summary.messageID ?? "", due: facts.due)
    }
}

extension MailParameters {
    /// RFC 3461 RET as the store has it.
    var returned: String? { ret.map { $0 == .full ? "FULL" : "HDRS" } }
}

extension Outgoing.Recipient {
    /// RFC 3461 §5.2.7.2: what the sender asked of a report goes along with a recipient's only destination; of several (§5.2.7.3) none
    /// tells of success.
    fileprivate init(_ address: String, _ recipient: Arrival.Recipient, isExpanded: Bool) {
        let notify = recipient.parameters.notify.map { isExpanded ? $0.subtracting(.success) : $0 }
        self.init(
            address: address, forwardedFor: address == recipient.address ? nil : recipient.address,
            notify: notify.map { Int($0.rawValue) }, originalType: recipient.parameters.original?.type,
            originalAddress: recipient.parameters.original?.address)
    }
}
