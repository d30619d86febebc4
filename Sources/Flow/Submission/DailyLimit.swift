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
            guard let delivery = try await notice(of: login).delivery(context, tally: .told(login: login, day: day)) else {
                return context.report("administrator", "nobody receives what is sent to postmaster")
            }
            _ = try await context.store.deliver(delivery)
        } catch .alreadyExists {
            // Another connection of the same login was faster.
        } catch {
            context.report("daily limit", "the administrator could not be told of \(login): \(error)")
        }
    }

    private func notice(of login: String) -> Notice {
        let date = MailDate.format(seconds: context.clock() / 1_000_000).split(separator: " ").prefix(4).joined(separator: " ")
        let values = [("login", login), ("limit", "\(limit)"), ("day", date)]
        return Notice(
            subject: Reason("notice.limit.subject", ["login": login]),
            paragraphs: ["notice.limit.what", "notice.limit.why", "notice.limit.where"].map { Reason($0, values) },
            reason: reason(login))
    }
}
