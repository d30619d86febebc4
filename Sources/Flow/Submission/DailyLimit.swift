import Dialogue
import Mail
import SMTP
import Store

/// How many recipients a login may send to in one UTC day, and who is told when they were too many.
struct DailyLimit: Sendable {
    let context: ReceptionContext

    init(_ context: ReceptionContext) { self.context = context }

    var limit: Int { context.store.integer(.dailyRecipients) }
    var day: Int64 { SentCount.day(context.clock() / 1_000_000) }

    func count(_ login: String) async throws(StoreFailure) -> SentCount? {
        try await context.store.sentCount(login, day: day)
    }

    /// RFC 3463 §3.8: X.7.1, and the same may be sent tomorrow.
    var reply: Reply { Reply(450, "4.7.1", "Daily limit of \(limit) recipients reached") }

    func reason(_ login: String) -> Reason { Reason("trace.daily-limit", ["login": login, "limit": "\(limit)"]) }

    /// Tells the administrator, once a day for each login: the message and the note that it was sent are one transaction. What goes wrong
    /// is logged, and changes nobody's answer.
    func tell(of login: String) async {
        do throws(StoreFailure) {
            let day = day
            guard let count = try await context.store.sentCount(login, day: day), !count.isTold else { return }
            context.report("daily limit", "\(login) has reached \(limit) recipients")
            guard let delivery = try await notice(of: login, day) else {
                return context.report("administrator", "nobody receives what is sent to postmaster")
            }
            _ = try await context.store.deliver(delivery)
        } catch .alreadyExists {
            // Another connection of the same login was faster.
        } catch {
            context.report("daily limit", "the administrator could not be told of \(login): \(error)")
        }
    }

    /// Nil when postmaster leads nowhere.
    private func notice(of login: String, _ day: Int64) async throws(StoreFailure) -> Delivery? {
        let hostname = context.hostname
        let recipients = context.recipients
        let postmaster = Address(localPart: "postmaster", domain: .name(hostname))
        let expansion = try await context.store.withAddressBook { book in
            do {
                return try recipients.expand(postmaster, in: book)
            } catch is ExpansionFailure {
                return Expansion()
            }
        }
        guard !expansion.isEmpty else { return nil }
        let now = context.clock()
        let date = InternalDate(seconds: now / 1_000_000, zoneMinutes: context.zone(now / 1_000_000))
        let queueID = context.queueIDs.next(microseconds: UInt64(clamping: now))
        let notice = LimitNotice(
            login: login, limit: limit, hostname: hostname, queueID: queueID, date: date,
            language: context.store.value(.reportLanguage))
        let spool = context.store.spool()
        try spool.append(notice.message(context.words))
        let summary = try await Summary.of(spool, context.workshop)
        let trace = expansion.locals.map(\.user.address) + expansion.foreign.map(\.description)
        return Delivery(
            spool: spool, envelope: summary.envelope, structure: summary.structure, date: date,
            recipients: expansion.locals.map { local in
                Delivery.Recipient(
                    user: UserID(local.user.id), prefix: Array("Return-Path: <>\r\nDelivered-To: \(local.user.address)\r\n".utf8),
                    mayExceedQuota: true)
            },
            outgoing: expansion.foreign.isEmpty
                ? nil
                : Outgoing(
                    queueID: queueID, sender: "",
                    recipients: expansion.foreign.map {
                        Outgoing.Recipient(address: $0.description, forwardedFor: postmaster.description)
                    },
                    messageID: summary.messageID ?? ""),
            trace: trace.map { address in
                TraceEntry(
                    time: date.seconds, event: "delivered", queueID: queueID, messageID: summary.messageID ?? "",
                    recipient: postmaster.description, destination: address, code: 250, text: reason(login).stored)
            },
            tally: .told(login: login, day: day))
    }
}
