import Mail
import Store

/// Tells the administrator what came into quarantine: one message for all that came since the last one, and not more than one an hour.
package struct QuarantineNotice: Sendable {
    /// Seconds between two messages.
    package static let interval: Int64 = 3_600
    /// Entries that a message names one by one.
    static let named = 20

    let context: ReceptionContext

    package init(_ context: ReceptionContext) { self.context = context }

    /// To be called every minute or so. What goes wrong is logged, and tried again.
    package func tell() async {
        let wanted = context.store.value(.quarantineNotice)
        let now = context.clock() / 1_000_000
        do throws(StoreFailure) {
            // Once they are wanted, they begin with what comes from then on.
            guard wanted != "off" else { return try await context.store.forgoQuarantineNews() }
            let news = try await context.store.quarantineNews(category: wanted == "virus" ? "virus" : nil, named: Self.named)
            guard news.count > 0, now - news.lastTold >= Self.interval else { return }
            var paragraphs = [Reason("notice.quarantine.what", ["count": "\(news.count)"])]
            paragraphs += news.entries.map(paragraph)
            if news.count > news.entries.count {
                paragraphs.append(Reason("notice.quarantine.more", ["count": "\(news.count - news.entries.count)"]))
            }
            paragraphs.append(Reason("notice.quarantine.where"))
            let notice = Notice(
                subject: Reason("notice.quarantine.subject", ["count": "\(news.count)"]), paragraphs: paragraphs,
                reason: Reason("trace.quarantine-notice"))
            guard let delivery = try await notice.delivery(context, tally: .toldOfQuarantine(upTo: news.last, time: now)) else {
                return context.report("administrator", "nobody receives what is sent to postmaster")
            }
            _ = try await context.store.deliver(delivery)
        } catch .alreadyExists {
        } catch {
            context.report("quarantine notice", "\(error)")
        }
    }

    private func paragraph(_ entry: QuarantineEntry) -> Reason {
        Reason(
            "notice.quarantine.entry",
            [
                "id": "\(entry.id)", "time": MailDate.format(seconds: entry.received, zoneMinutes: context.zone(entry.received)),
                "sender": entry.sender, "recipients": recipients(of: entry),
                "subject": entry.subject,
                "why": context.words(ofStored: entry.reasons),
            ])
    }

    /// Each once: a mailbox that it was released to besides has the recipient who was written.
    private func recipients(of entry: QuarantineEntry) -> String {
        var names: [String] = []
        for recipient in entry.recipients where names.count < 5 && !names.contains(recipient.recipient) {
            names.append(recipient.recipient)
        }
        return names.joined(separator: ", ")
    }
}
