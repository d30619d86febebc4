import Mail
import SMTP
import Store

/// Mail of the queue whose recipients are users here: it waited to be released (RFC 4865).
struct LocalArrival: Sendable {
    var results: [Int64: Attempt.Result] = [:]
    var mailboxes: [Delivery.Recipient] = []

    /// Nil where the domain is not ours.
    init?(_ message: QueuedMessage, _ context: OutboundContext) async throws(StoreFailure) {
        let hostname = context.hostname()
        let addresses = message.recipients.map(\.recipient.address)
        let found: [UserID?]? = try await context.store.withAddressBook { book in
            guard try message.domain == hostname || book.isDomain(message.domain) else { return nil }
            return try addresses.map { text in
                guard let address = try? Address(parsing: text, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit)
                else { return nil }
                return try book.user(address.key)
            }
        }
        guard let found else { return nil }
        for (recipient, user) in zip(message.recipients, found) {
            guard let user else {
                results[recipient.id] = .failed(Setback(isPermanent: true, "5.1.1", reason: "advice.no-such-user"))
                continue
            }
            let header = "Return-Path: <\(message.sender)>\r\nDelivered-To: \(recipient.recipient.address)\r\n"
            mailboxes.append(Delivery.Recipient(user: user, prefix: Array(header.utf8) + message.body.prefix))
            results[recipient.id] = .delivered
        }
    }
}
