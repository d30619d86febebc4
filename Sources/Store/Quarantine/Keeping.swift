import GRDB
import Mail

extension Delivery {
    /// What the quarantine does when it is full.
    enum Overflow: String, Sendable {
        /// The oldest make room, copies of what was discarded or refused first.
        case oldest
        case reject, `defer`
    }
}

extension Database {
    /// Entries that make room for one.
    private static let evictions = 1_000

    /// Keeps a message of the batch. False: there is no room, and nobody waits for it. Fails with `.quarantineFull` where somebody does.
    func keep(_ quarantined: Quarantined, body: Int64, size: Int, bounds: QuarantineBounds) throws -> Bool {
        guard try makeRoom(size, bounds) else {
            // Who was refused knows; only what was answered 250 must not vanish.
            if quarantined.recipients.allSatisfy({ $0.fate == .reject }) { return false }
            throw StoreFailure.quarantineFull(isForNow: bounds.overflow == .defer)
        }
        let outgoing = quarantined.outgoing
        try run(
            """
            INSERT INTO quarantine (queue_id, received, zone, created, body_id, message_id, peer, sender, from_text, subject, category,
                reasons, relay_prefix, ret, envelope_id, smtputf8, login, requires_tls, eight_bit, size, held)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .text(quarantined.queueID), .integer(quarantined.received.seconds), .int(quarantined.received.zoneMinutes),
            .integer(now()), .integer(body), .text(quarantined.messageID), .text(quarantined.peer), .text(quarantined.sender),
            .text(quarantined.from), .text(quarantined.subject), .text(quarantined.category),
            .text(quarantined.reasons.joined(separator: "\n")), .blob(outgoing?.prefix ?? []), .text(outgoing?.ret ?? ""),
            .text(outgoing?.envelopeID ?? ""), .int(outgoing?.smtpUTF8 == true ? 1 : 0), .text(outgoing?.login ?? ""),
            .int(outgoing?.requiresTLS == true ? 1 : 0), .int(outgoing?.isEightBit == true ? 1 : 0), .int(size),
            .int(quarantined.isHeld ? 1 : 0))
        let id = lastInsertedRowID
        for recipient in quarantined.recipients { try insert(recipient, into: id) }
        return true
    }

    private func insert(_ recipient: Quarantined.Recipient, into id: Int64) throws {
        let fate = recipient.fate.rawValue
        switch recipient.place {
        case .mailbox(let place, let address):
            try run(
                """
                INSERT INTO quarantine_recipient
                    (quarantine_id, recipient, destination, user_id, fate, prefix, hidden_start, hidden_end, envelope)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(id), .text(recipient.recipient), .text(address), .integer(place.user.rawValue), .text(fate),
                .blob(place.prefix), .int(place.hidden?.lowerBound ?? 0), .int(place.hidden?.upperBound ?? 0), .blob(place.envelope))
        case .elsewhere(let place):
            try run(
                """
                INSERT INTO quarantine_recipient
                    (quarantine_id, recipient, destination, fate, forwarded_for, notify, original_type, original_address)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(id), .text(recipient.recipient), .text(place.address), .text(fate), .text(place.forwardedFor ?? ""),
                .int(place.notify ?? -1), .text(place.originalType ?? ""), .text(place.originalAddress ?? ""))
        }
    }

    /// Whether `size` more bytes fit, after others went if that is the way.
    private func makeRoom(_ size: Int, _ bounds: QuarantineBounds) throws -> Bool {
        guard size <= bounds.size else { return false }
        func taken() throws -> Int { try first("SELECT value FROM counter WHERE name = 'quarantine'") { $0.int(0) } ?? 0 }
        var free = bounds.size - (try taken())
        guard free < size else { return true }
        guard bounds.overflow == .oldest else { return false }
        for _ in 0..<Self.evictions {
            guard let oldest = try first("SELECT id FROM quarantine ORDER BY held, id LIMIT 1", read: { $0.int64(0) }) else { break }
            try run("DELETE FROM quarantine WHERE id = ?", .integer(oldest))
            free = bounds.size - (try taken())
            if free >= size { return true }
        }
        return free >= size
    }
}

/// How much the quarantine may hold.
struct QuarantineBounds: Sendable {
    var size: Int
    var overflow: Delivery.Overflow

    init(size: Int, overflow: Delivery.Overflow) {
        self.size = size
        self.overflow = overflow
    }

    init(_ store: MailStore) {
        size = store.integer(.quarantineSize)
        overflow = Delivery.Overflow(rawValue: store.value(.quarantineFull)) ?? .oldest
    }
}
