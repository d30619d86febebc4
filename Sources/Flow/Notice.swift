import Mail
import Store

/// A message that the server writes to a person by itself.
struct Notice: Sendable {
    /// Who is to read it; nil: the administrator, by postmaster@ the server's name.
    var user: Address?
    var subject: Reason
    var paragraphs: [Reason]
    /// What the trace says of it.
    var reason: Reason

    /// The delivery of it; nil where nobody would get it.
    func delivery(_ context: ReceptionContext, tally: Tally? = nil) async throws(StoreFailure) -> Delivery? {
        let hostname = context.hostname
        let recipient = user ?? Address(localPart: "postmaster", domain: .name(hostname))
        let expansion = try await context.recipients.reach(recipient, in: context.store)
        guard !expansion.isEmpty else { return nil }
        let now = context.clock()
        let date = InternalDate(seconds: now / 1_000_000, zoneMinutes: context.zone(now / 1_000_000))
        let queueID = context.queueIDs.next(microseconds: UInt64(clamping: now))
        let spool = context.store.spool()
        try spool.append(message(to: recipient, queueID, date, context))
        let summary = try await Summary.of(spool, context.workshop)
        let messageID = summary.messageID ?? ""
        let reached = expansion.locals.map(\.user.address) + expansion.foreign.map(\.description)
        return Delivery(
            spool: spool, envelope: summary.envelope, structure: summary.structure, date: date,
            recipients: expansion.locals.map(Delivery.Recipient.init(ofOurOwn:)),
            outgoing: expansion.foreign.isEmpty
                ? nil
                : Outgoing(
                    queueID: queueID, sender: "",
                    recipients: expansion.foreign.map {
                        Outgoing.Recipient(address: $0.description, forwardedFor: recipient.description)
                    },
                    messageID: messageID),
            trace: reached.map { address in
                TraceEntry(
                    time: date.seconds, event: "delivered", queueID: queueID, messageID: messageID, recipient: recipient.description,
                    destination: address, code: 250, text: reason.stored)
            },
            tally: tally)
    }

    private func message(to recipient: Address, _ queueID: String, _ date: InternalDate, _ context: ReceptionContext) -> [UInt8] {
        let hostname = context.hostname
        let language = context.store.value(.reportLanguage)
        var text: [UInt8] = Array("From: MAILER-DAEMON@\(hostname)\r\nTo: \(recipient.description)\r\nSubject: ".utf8)
        text += EncodedWord.encode(context.words(subject, language))
        // RFC 3834 §5: nobody answers it by himself.
        text += Array(
            """
            \r
            Date: \(MailDate.format(seconds: date.seconds, zoneMinutes: date.zoneMinutes))\r
            Message-ID: <\(queueID)@\(hostname)>\r
            Auto-Submitted: auto-generated\r
            MIME-Version: 1.0\r
            Content-Type: text/plain; charset=UTF-8\r
            Content-Transfer-Encoding: quoted-printable\r
            \r

            """.utf8)
        let body = paragraphs.map { context.words($0, language) + "\r\n" }
        return text + QuotedPrintable.encode(Array(body.joined(separator: "\r\n").utf8)[...])
    }
}

extension Delivery.Recipient {
    /// Of mail that the server writes by itself: whoever gets it, a full mailbox is no reason not to.
    init(ofOurOwn local: Expansion.Local) {
        self.init(
            user: UserID(local.user.id), prefix: Array("Return-Path: <>\r\nDelivered-To: \(local.user.address)\r\n".utf8),
            mayExceedQuota: true)
    }
}
