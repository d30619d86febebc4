import GRDB
import Mail

extension MailStore {
    /// What became of a release.
    package struct Released: Sendable, Equatable {
        /// Destinations that have it now, or whose queue has it.
        package var destinations: [String] = []
        /// Destinations whose mailbox is not there any more.
        package var gone: [String] = []
    }

    /// Delivers a quarantined message to those recipients (all when nil) who have not had it, as if it had passed, with `field` (a whole
    /// header field with its line end) before it; `others` become recipients, and get it as well. The entry stays until it expires. Durable
    /// when it returns. Fails with `.nonExistent`.
    package func release(
        _ id: Int64, to recipients: Set<Int64>? = nil, others: [Quarantined.Recipient] = [], field: [UInt8], trace: [TraceEntry] = []
    ) async throws(StoreFailure) -> Released {
        try await writer.write { db, effects in
            guard
                let entry = try db.first(
                    """
                    SELECT body_id, length, quarantine.received, zone, queue_id, sender, relay_prefix, ret, envelope_id, smtputf8, login, requires_tls,
                        eight_bit, message_id
                    FROM quarantine JOIN body ON body.id = body_id WHERE quarantine.id = ?
                    """, .integer(id),
                    read: { row in
                        (
                            body: row.int64(0), length: row.int(1),
                            date: InternalDate(seconds: row.int64(2), zoneMinutes: Int16(clamping: row.int(3))),
                            outgoing: Outgoing(
                                queueID: row.text(4), sender: row.text(5), recipients: [], prefix: field + row.blob(6),
                                ret: row.text(7).isEmpty ? nil : row.text(7), envelopeID: row.text(8).isEmpty ? nil : row.text(8),
                                smtpUTF8: row.int(9) == 1, login: row.text(10), requiresTLS: row.int(11) == 1,
                                isEightBit: row.int(12) == 1, messageID: row.text(13))
                        )
                    })
            else { throw StoreFailure.nonExistent }
            var recipients = recipients
            for other in others {
                let row = try db.insert(other, into: id)
                recipients?.insert(row)
            }
            var outgoing = entry.outgoing
            var released = Released()
            for waiting in try db.waiting(id) where recipients?.contains(waiting.id) ?? true {
                if waiting.user == 0 {
                    outgoing.recipients.append(waiting.elsewhere)
                } else {
                    var mailbox = waiting.mailbox
                    mailbox.prefix = field + mailbox.prefix
                    let outcome = try db.deliver(entry.body, entry.length, to: mailbox, date: entry.date, quota: 0, &effects)
                    if outcome == .noSuchUser {
                        released.gone.append(waiting.destination)
                        continue
                    }
                }
                released.destinations.append(waiting.destination)
                try db.run("UPDATE quarantine_recipient SET released = ? WHERE id = ?", .integer(now()), .integer(waiting.id))
            }
            if !outgoing.recipients.isEmpty { try db.insert(outgoing, body: entry.body, &effects) }
            try db.insert(trace.filter { released.destinations.contains($0.destination) })
            return released
        }
    }
}

extension MailStore {
    /// What a recipient's copy of a quarantined message begins with.
    package struct Beginning: Sendable {
        /// A mailbox that it would have come into; nil: it would only have left.
        package var recipient: Quarantined.Recipient?
        /// As the sender wrote the first recipient.
        package var address: String
        package var sender: String
        /// Of what would have left.
        package var relayPrefix: [UInt8]
    }

    /// Fails with `.nonExistent`.
    package func beginning(ofQuarantined id: Int64) async throws(StoreFailure) -> Beginning {
        let found = try await read { db -> Beginning? in
            let recipient = try db.first(
                """
                SELECT recipient, destination, user_id, fate, prefix, hidden_start, hidden_end, envelope FROM quarantine_recipient
                WHERE quarantine_id = ? AND user_id <> 0 ORDER BY id LIMIT 1
                """, .integer(id)
            ) { row in
                let hidden = row.int(5)..<max(row.int(5), row.int(6))
                var place = Delivery.Recipient(
                    user: UserID(row.int64(2)), prefix: row.blob(4), hidden: hidden.isEmpty ? nil : hidden, mayExceedQuota: true)
                place.envelope = row.blob(7)
                return Quarantined.Recipient(
                    recipient: row.text(0), fate: .init(rawValue: row.text(3)) ?? .quarantine,
                    place: .mailbox(place, address: row.text(1)))
            }
            return try db.first(
                """
                SELECT sender, relay_prefix, recipient FROM quarantine JOIN quarantine_recipient ON quarantine_id = quarantine.id
                WHERE quarantine.id = ? ORDER BY quarantine_recipient.id LIMIT 1
                """, .integer(id)
            ) { Beginning(recipient: recipient, address: $0.text(2), sender: $0.text(0), relayPrefix: $0.blob(1)) }
        }
        guard let found else { throw .nonExistent }
        return found
    }
}

/// A recipient who has not had the message.
private struct Waiting {
    var id: Int64
    var user: Int64
    var destination: String
    var mailbox: Delivery.Recipient
    var elsewhere: Outgoing.Recipient
}

extension Database {
    fileprivate func waiting(_ quarantine: Int64) throws -> [Waiting] {
        try all(
            """
            SELECT id, user_id, destination, prefix, hidden_start, hidden_end, envelope, forwarded_for, notify, original_type,
                original_address
            FROM quarantine_recipient WHERE quarantine_id = ? AND released = 0 ORDER BY id
            """, .integer(quarantine)
        ) { row in
            let hidden = row.int(4)..<max(row.int(4), row.int(5))
            var mailbox = Delivery.Recipient(
                user: UserID(row.int64(1)), prefix: row.blob(3), hidden: hidden.isEmpty ? nil : hidden, mayExceedQuota: true)
            mailbox.envelope = row.blob(6)
            func given(_ column: CInt) -> String? { row.text(column).isEmpty ? nil : row.text(column) }
            return Waiting(
                id: row.int64(0), user: row.int64(1), destination: row.text(2), mailbox: mailbox,
                elsewhere: Outgoing.Recipient(
                    address: row.text(2), forwardedFor: given(7), notify: row.int(8) < 0 ? nil : row.int(8), originalType: given(9),
                    originalAddress: given(10)))
        }
    }
}
