import Mail
import SMTP
import Store

/// Makes reports on deliveries, and finds to whom they go: into mailboxes here, or through the queue.
struct ReportDispatch: Sendable {
    /// Larger originals are returned by their header only.
    static let fullLimit = 1 << 20
    static let headerLimit = 256 << 10

    /// The message that is reported on.
    struct Subject: Sendable {
        var queueID: String
        /// Empty: the null reverse-path.
        var sender: String
        var envelopeID: String?
        /// RFC 3461 RET: `FULL`, `HDRS` or nil.
        var ret: String?
        /// Seconds since 1970.
        var arrival: Int64
        var smtpUTF8: Bool
        /// RFC 8689 REQUIRETLS.
        var requiresTLS = false
        var content: any ContentSource
    }

    var store: MailStore
    var workshop: Workshop
    var queueIDs: QueueIDs
    var hostname: String
    /// Microseconds since 1970.
    var now: Int64
    var words: DeliveryReport.Words
    /// The server's.
    var language: String

    /// The report, to be stored in the transaction that makes it true; its trace included. Nil where nobody may be told: RFC 3464 §2,
    /// RFC 5321 §4.5.5: a null sender gets no report. Nor does one that leads nowhere: that is in the trace.
    func report(on subject: Subject, _ recipients: [DeliveryReport.Recipient]) async throws -> Delivery? {
        guard !subject.sender.isEmpty,
            let sender = try? Address(parsing: subject.sender, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit)
        else { return nil }
        let id = queueIDs.next(microseconds: UInt64(clamping: now))
        let expansion = try await Recipients(store, hostname: hostname).reach(sender, in: store)
        func note(_ event: String, _ key: String, _ messageID: String = "") -> TraceEntry {
            TraceEntry(
                time: now / 1_000_000, event: event, queueID: id, messageID: messageID, recipient: sender.description,
                text: Reason(key, ["id": subject.queueID]).stored)
        }
        guard !expansion.isEmpty else {
            try await store.record([note("dropped", "trace.report-dropped")])
            return nil
        }
        // What can't be read any more must not keep its sender from hearing of it, nor the message in the queue for ever.
        let original = (try? await original(subject, isWanted: recipients.contains { $0.action == .failed })) ?? .headers([])
        let report = DeliveryReport(
            hostname: hostname, queueID: subject.queueID, reportID: id, sender: subject.sender, envelopeID: subject.envelopeID,
            arrival: subject.arrival, now: now / 1_000_000, languages: languages(original, isHere: !expansion.locals.isEmpty),
            recipients: recipients, original: original, isInternational: subject.smtpUTF8)
        let bytes = report.bytes(words)
        let spool = store.spool()
        try spool.append(bytes)
        let summary = try await Summary.of(spool, workshop)
        let messageID = summary.messageID ?? ""
        var delivery = Delivery(
            spool: spool, envelope: summary.envelope, structure: summary.structure, date: InternalDate(seconds: now / 1_000_000),
            recipients: expansion.locals.map(Delivery.Recipient.init(ofOurOwn:)))
        if !expansion.foreign.isEmpty {
            delivery.outgoing = Outgoing(
                queueID: id, sender: "", recipients: expansion.foreign.map { Outgoing.Recipient(address: $0.description) },
                smtpUTF8: report.needsUTF8, requiresTLS: subject.requiresTLS, isEightBit: bytes.contains { $0 >= 0x80 },
                messageID: messageID)
        }
        delivery.trace = [note(expansion.locals.isEmpty ? "queued" : "delivered", "trace.report", messageID)]
        return delivery
    }

    /// The administrator's word, or the sender's own. Of one who says nothing and has a mailbox here the server's is assumed; a stranger
    /// gets both.
    private func languages(_ original: DeliveryReport.Original, isHere: Bool) -> [String] {
        let setting = store.value(.reportLanguage)
        guard setting == "auto" else { return [setting] }
        if let named = ReportLanguage.named(in: original.bytes) { return [named] }
        return isHere ? [language] : [language] + ReportLanguage.known.filter { $0 != language }
    }

    // MARK: The original

    /// RFC 3461 §4.3: what RET asks for, of a failed message; the header only of one that is large, or not lost.
    private func original(_ subject: Subject, isWanted: Bool) async throws -> DeliveryReport.Original {
        let content = subject.content
        // RFC 8689 §5: of a message that required TLS the header only, whatever RET says.
        if isWanted, subject.ret != "HDRS", !subject.requiresTLS, content.count <= Self.fullLimit {
            return .full(try await read(content, limit: content.count) { _ in false })
        }
        let end: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
        var bytes = try await read(content, limit: min(content.count, Self.headerLimit)) { bytes in find(end, in: bytes) != nil }
        if let place = find(end, in: bytes) { bytes.removeSubrange((place + 2)...) }
        return .headers(bytes)
    }

    private func read(_ content: any ContentSource, limit: Int, until isEnough: ([UInt8]) -> Bool) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < limit, !isEnough(bytes) {
            let piece = try await content.read(at: bytes.count, limit: limit - bytes.count)
            guard !piece.isEmpty else { break }
            bytes += piece
        }
        return bytes
    }
}

private func find(_ needle: [UInt8], in bytes: [UInt8]) -> Int? {
    guard bytes.count >= needle.count else { return nil }
    return (0...(bytes.count - needle.count)).first { bytes[$0] == needle[0] && bytes[$0..<$0 + needle.count].elementsEqual(needle) }
}
