import Dialogue
import Filter
import Mail
import SMTP
import Store

/// Where a message goes: each mailbox and each foreign address once, whatever the number of ways that led there.
struct Placement: Sendable {
    private(set) var delivery: Delivery
    /// Those whose sender asked to hear of success, where nobody further on will tell him.
    private(set) var told: [DeliveryReport.Recipient] = []
    /// Those who don't get it, for the log.
    private(set) var withheld: [Withheld] = []

    private let arrival: Arrival
    private let facts: Intake.Facts
    private let header: TraceHeader
    private let sender: String
    private let filtered: Filtered?
    private let isRefused: Bool
    private var outgoing: [Outgoing.Recipient] = []
    /// Those who don't get it, whether a copy is kept for them or not.
    private var kept: [Quarantined.Recipient] = []
    private var objections: [Verdict.Objection] = []
    /// What recipients see of the header, by the tag of their subject.
    private var views: [String: HeaderView.Seen] = [:]
    private var seenUsers: Set<Int64> = []
    private var seenForeign: Set<String> = []
    private var seenWays: Set<String> = []

    /// `isRefused`: nobody gets it, and the sender is told so; what is left to place are copies for the quarantine.
    init(_ arrival: Arrival, _ facts: Intake.Facts, _ filtered: Filtered? = nil, isRefused: Bool = false, hostname: String) {
        self.arrival = arrival
        self.facts = facts
        self.filtered = filtered
        self.isRefused = isRefused
        header = TraceHeader(
            hostname: hostname, connection: arrival.connection, greeting: arrival.transaction.greeting,
            transmissionType: arrival.transaction.transmissionType, reversePath: arrival.transaction.reversePath, queueID: facts.queueID,
            date: facts.date)
        sender = arrival.transaction.reversePath.text
        delivery = Delivery(
            spool: arrival.spool, envelope: facts.summary.envelope, structure: facts.summary.structure, date: facts.date, recipients: [])
        if let filtered, !isRefused { delivery.trace += filtered.trace(arrival, facts) }
        for recipient in arrival.recipients { place(recipient) }
        delivery.quarantined = quarantined()
        // One answer goes to the sender. Where it stands for several recipients, a full mailbox among them takes this message
        // still: RCPT refuses the next one, and what was answered 250 is in every mailbox.
        if delivery.recipients.count + outgoing.count + kept.count > 1 {
            for index in delivery.recipients.indices { delivery.recipients[index].mayExceedQuota = true }
        }
        if !outgoing.isEmpty { delivery.outgoing = leaving(outgoing) }
    }

    /// Whether there is anything to store: else all that is left are the lines of the trace.
    var isEmpty: Bool { delivery.recipients.isEmpty && outgoing.isEmpty && delivery.quarantined == nil }

    // MARK: One recipient

    private mutating func place(_ recipient: Arrival.Recipient) {
        let expansion = recipient.expansion
        let asksSuccess = !sender.isEmpty && !isRefused && recipient.parameters.notify?.contains(.success) == true
        let isExpanded = expansion.locals.count + expansion.foreign.count > 1
        // RFC 3461 §5.2.7.3 (c): told once that it was distributed, the sender does not hear of each success.
        if asksSuccess, isExpanded { told.append(reported(recipient, .expanded)) }
        var isDelivered = false
        for local in expansion.locals where place(recipient, local, isExpanded: isExpanded) { isDelivered = true }
        // RFC 3461 §5.2.3; one that waits is told of when it is there.
        if asksSuccess, !isExpanded, isDelivered, facts.due == 0 { told.append(reported(recipient, .delivered)) }
        for foreign in expansion.foreign where !seenForeign.contains(foreign.key) {
            let address = foreign.description
            let place = Outgoing.Recipient(address, recipient, isExpanded: isExpanded)
            let scope = Filtering.scope(ofForwarded: recipient.address)
            let verdict = filtered?.verdict(forwarding: recipient.address) ?? Verdict()
            if keep(recipient, at: address, scope, verdict, .elsewhere(place)) { continue }
            seenForeign.insert(foreign.key)
            // Of several ways that lead there, one that lets it pass is enough.
            kept.removeAll { $0.leads(to: address) }
            outgoing.append(place)
            note(
                "queued", recipient.address, at: address,
                facts.due == 0
                    ? Reason("trace.queued", ["address": address]) : Reason("trace.held", ["address": address, "time": release]))
        }
        for dead in expansion.dead where !isRefused {
            note("dropped", recipient.address, at: dead, Reason("trace.dead-destination", ["address": dead]))
        }
    }

    /// Whether he gets it, or would have got it already.
    private mutating func place(_ recipient: Arrival.Recipient, _ local: Expansion.Local, isExpanded: Bool) -> Bool {
        let address = local.user.address
        let scope = PolicyScope.user(address)
        let verdict = filtered?.verdict(scope) ?? Verdict()
        if verdict.destiny != .pass, verdict.destiny != .junk {
            guard seenUsers.insert(local.user.id).inserted else { return false }
            let place = mailbox(recipient, local, scope, quarantineID: facts.queueID)
            _ = keep(recipient, at: address, scope, verdict, .mailbox(place, address: address))
            return false
        }
        // What is held waits in the queue, which delivers it to mailboxes here in its time.
        guard facts.due == 0 else {
            if seenUsers.insert(local.user.id).inserted {
                outgoing.append(Outgoing.Recipient(address, recipient, isExpanded: isExpanded))
            }
            note("queued", recipient.address, at: address, Reason("trace.held", ["address": address, "time": release]))
            return true
        }
        let isJunk = verdict.destiny == .junk
        let stored = Reason("trace.delivered", ["user": address, "mailbox": isJunk ? "Junk" : "INBOX"])
        note("delivered", recipient.address, at: address, verdict.mark.map(stored.because) ?? stored)
        // Several ways into one mailbox: one copy, each way with its trace.
        guard seenUsers.insert(local.user.id).inserted else { return true }
        var place = mailbox(recipient, local, scope, quarantineID: nil)
        if isJunk { place.target = .specialUse("\\Junk") }
        delivery.recipients.append(place)
        return true
    }

    private mutating func mailbox(
        _ recipient: Arrival.Recipient, _ local: Expansion.Local, _ scope: PolicyScope, quarantineID: String?
    ) -> Delivery.Recipient {
        let fields = filtered?.fields(scope, hostname: header.hostname, quarantineID: quarantineID)?.bytes ?? []
        let prefix = header.prefix(deliveredTo: local.user.address, originalRecipient: recipient.address, fields: fields)
        guard let filtered else { return Delivery.Recipient(user: UserID(local.user.id), prefix: prefix + separator) }
        let tag = filtered.tag(scope)
        let seen = views[tag] ?? filtered.header.seen(tag: tag)
        views[tag] = seen
        var place = Delivery.Recipient(
            user: UserID(local.user.id), prefix: prefix + seen.head + separator, hidden: seen.hidden)
        place.envelope = seen.envelope
        return place
    }

    // MARK: What is not delivered

    /// Whether this recipient's policy keeps it from him. `place`: where it would have gone.
    private mutating func keep(
        _ recipient: Arrival.Recipient, at destination: String, _ scope: PolicyScope, _ verdict: Verdict, _ place: Quarantined.Place
    ) -> Bool {
        guard let objection = verdict.blocking, var fate = Quarantined.Recipient.Fate(rawValue: verdict.destiny.rawValue) else {
            return false
        }
        let why = objection.reason
        var isKept = filtered?.policies[scope]?.quarantine ?? true
        switch fate {
        case .quarantine:
            isKept = true
            withhold(recipient, .held, objection)
            note("quarantined", recipient.address, at: destination, why)
        case .discard:
            withhold(recipient, .discarded, objection)
            note("discarded", recipient.address, at: destination, why)
        case .bounce, .reject:
            // Whoever refused it for all leaves the lines of the trace.
            if isRefused {
                withhold(recipient, .refused, objection)
                break
            }
            // RFC 3461 §4.1: who does not want to hear of failures.
            if arrival.knowsSender, recipient.parameters.notify?.contains(.failure) ?? true {
                told.append(
                    DeliveryReport.Recipient(
                        address: recipient.address, originalType: recipient.parameters.original?.type,
                        originalAddress: recipient.parameters.original?.address, action: .failed, status: "5.7.1",
                        reason: why.stored))
                withhold(recipient, .returned, objection)
                note("bounced", recipient.address, at: destination, why)
            } else {
                // He was told that it was taken, and nobody else can be told: so it must not be lost.
                fate = .quarantine
                isKept = true
                withhold(recipient, .held, objection)
                note("quarantined", recipient.address, at: destination, why)
                note("quarantined", recipient.address, at: destination, Reason("trace.untold"), again: true)
            }
        }
        if case .elsewhere(let place) = place, kept.contains(where: { $0.leads(to: place.address) }) { return true }
        guard isKept else { return true }
        objections.append(objection)
        kept.append(Quarantined.Recipient(recipient: recipient.address, fate: fate, place: place))
        return true
    }

    private mutating func withhold(_ recipient: Arrival.Recipient, _ fate: Withheld.Fate, _ objection: Verdict.Objection) {
        withheld.append(Withheld(recipient: recipient.address, fate: fate, objection: objection))
    }

    private func quarantined() -> Quarantined? {
        guard let filtered, !kept.isEmpty else { return nil }
        let order = Category.allCases
        let gravest = objections.min { order.firstIndex(of: $0.category) ?? 0 < order.firstIndex(of: $1.category) ?? 0 }
        var reasons: [String] = []
        for objection in objections {
            let reason = objection.reason.stored
            if !reasons.contains(reason) { reasons.append(reason) }
        }
        let leaves = kept.contains { if case .elsewhere = $0.place { true } else { false } }
        return Quarantined(
            queueID: facts.queueID, received: facts.date, messageID: facts.summary.messageID ?? "",
            peer: arrival.connection.peerAddress, sender: sender, from: filtered.header.text(of: "from"),
            subject: filtered.header.text(of: "subject"), category: gravest?.category.rawValue ?? "", reasons: reasons,
            recipients: kept, outgoing: leaves ? leaving([]) : nil)
    }

    /// RFC 3461 §5.2.7.4: of the address that the sender knows; where it leads is not told.
    private func reported(_ recipient: Arrival.Recipient, _ action: DeliveryReport.Action) -> DeliveryReport.Recipient {
        DeliveryReport.Recipient(
            address: recipient.address, originalType: recipient.parameters.original?.type,
            originalAddress: recipient.parameters.original?.address, action: action, status: "2.0.0")
    }

    /// Each way from a recipient to a destination once, however often RCPT named it.
    private mutating func note(
        _ event: String, _ recipient: String, at destination: String, _ reason: Reason, again: Bool = false
    ) {
        guard seenWays.insert(recipient + "\n" + destination).inserted || again else { return }
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

    private var relayed: [UInt8] {
        guard let filtered, let scope = filtered.policies.keys.first else { return [] }
        return filtered.fields(scope, hostname: header.hostname, quarantineID: nil)?.relayed ?? []
    }

    private func leaving(_ outgoing: [Outgoing.Recipient]) -> Outgoing {
        let mail = arrival.transaction.mail
        // RFC 5321 §7.2: with several recipients none is named, since one may be hidden from the others.
        let only = arrival.recipients.count == 1 ? arrival.recipients.first : nil
        return Outgoing(
            queueID: facts.queueID, sender: sender, recipients: outgoing,
            prefix: header.relayPrefix(
                originalRecipient: only?.address, forwardedFor: only.flatMap { $0.isForwarded ? $0.address : nil },
                fields: relayed) + separator,
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

extension Quarantined.Recipient {
    fileprivate func leads(to address: String) -> Bool {
        if case .elsewhere(let place) = place { place.address == address } else { false }
    }
}
