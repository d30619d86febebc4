import Mail
import Store

/// Under which sender a message leaves for whom: mail that is forwarded goes in our own name, so that SPF holds.
struct SenderRewriting: Sendable {
    struct Part: Sendable {
        var sender: String
        var recipients: [QueuedMessage.Recipient]
    }

    let context: OutboundContext

    func parts(of message: QueuedMessage) async -> [Part] {
        let whole = [Part(sender: message.sender, recipients: message.recipients)]
        guard !message.sender.isEmpty, context.store.bool(.rewriteSenders),
            message.recipients.contains(where: { $0.recipient.forwardedFor != nil }),
            let sender = try? Address(parsing: message.sender, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit)
        else { return whole }
        do {
            let origins = Set(message.recipients.compactMap(\.recipient.forwardedFor).compactMap(Self.domain))
            let wanted = [sender.domain.ascii] + origins
            let hostname = context.hostname()
            let ours = try await context.store.withAddressBook { book in
                try Set(wanted.filter { try $0 == hostname || book.isDomain($0) })
            }
            guard !ours.contains(sender.domain.ascii) else { return whole }
            let rewriter = ReturnAddress(
                secret: try await context.store.secret(.returnAddress), days: context.store.integer(.returnDays))
            var parts: [Part] = []
            for recipient in message.recipients {
                var name = message.sender
                if let origin = recipient.recipient.forwardedFor {
                    let domain = Self.domain(origin).flatMap { ours.contains($0) ? $0 : nil } ?? hostname
                    if let rewritten = rewriter.rewrite(sender, at: .name(domain), now: context.now) { name = rewritten.description }
                }
                if let index = parts.firstIndex(where: { $0.sender == name }) {
                    parts[index].recipients.append(recipient)
                } else {
                    parts.append(Part(sender: name, recipients: [recipient]))
                }
            }
            return parts
        } catch {
            context.report("return address", "\(error)")
            return whole
        }
    }

    private static func domain(_ address: String) -> String? {
        (try? Address(parsing: address, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit))?.domain.ascii
    }
}
