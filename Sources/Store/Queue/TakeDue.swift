import GRDB
import Mail

/// What is due. Nothing is marked as taken: leases are the caller's, so that after a crash everything undelivered is due again.
extension MailStore {
    /// Domains with mail that is due until `horizon`, in their order, after a name; at most `limit` are looked at. `next`: where to go on,
    /// nil at the end. Reads the index only, one step for each domain, however much waits.
    package func dueDomains(
        after name: String?, until horizon: Int64, limit: Int = 1_000
    ) async throws(StoreFailure) -> (domains: [DueDomain], next: String?) {
        try await read { db in
            var found: [DueDomain] = []
            var last: String?
            var seen = 0
            try db.forEach(
                """
                WITH RECURSIVE step (domain) AS (
                    SELECT min(domain) FROM outgoing_recipient WHERE ?1 IS NULL OR domain > ?1
                    UNION ALL
                    SELECT (SELECT min(domain) FROM outgoing_recipient WHERE domain > step.domain) FROM step
                        WHERE step.domain IS NOT NULL LIMIT ?2
                )
                SELECT domain, (SELECT due FROM outgoing_recipient AS first WHERE first.domain = step.domain AND held = 0
                    ORDER BY due LIMIT 1)
                FROM step WHERE domain IS NOT NULL
                """, [name.map(Value.text) ?? .null, .int(limit)]
            ) { row in
                let domain = row.text(0)
                seen += 1
                last = domain
                if !row.isNull(1), row.int64(1) <= horizon { found.append(DueDomain(name: domain, due: row.int64(1))) }
                return true
            }
            return (found, seen < limit ? nil : last)
        }
    }

    /// Domains of the recipients that came after one, with that which came last; at most `limit` recipients are looked at.
    package func arrivals(
        after id: Int64, limit: Int = 1_000
    ) async throws(StoreFailure) -> (domains: [DueDomain], last: Int64, isEnd: Bool) {
        try await read { db in
            var earliest: [String: Int64] = [:]
            var last = id
            var count = 0
            try db.forEach(
                "SELECT id, domain, due, held FROM outgoing_recipient WHERE id > ? ORDER BY id LIMIT ?", [.integer(id), .int(limit)]
            ) { row in
                last = row.int64(0)
                count += 1
                if row.int(3) == 0 { earliest[row.text(1)] = min(earliest[row.text(1)] ?? .max, row.int64(2)) }
                return true
            }
            return (earliest.map { DueDomain(name: $0.key, due: $0.value) }, last, count < limit)
        }
    }

    /// The recipient that came last.
    package func newestArrival() async throws(StoreFailure) -> Int64 {
        try await read { try $0.first("SELECT max(id) FROM outgoing_recipient") { $0.int64(0) } ?? 0 }
    }

    /// Messages of a domain that are due, the longest due first, without those in `leased` (`QueuedMessage.id`); at most
    /// `recipients` of each. `next`: when the next is due, if all that are due were answered; nil where none waits.
    package func due(
        domain: String, now: Int64, without leased: Set<Int64>, limit: Int, recipients: Int
    ) async throws(StoreFailure) -> (messages: [QueuedMessage], isAll: Bool, next: Int64?) {
        try await read { db in
            var ids: [Int64] = []
            var seen: Set<Int64> = []
            var isAll = true
            try db.forEach(
                """
                SELECT outgoing_id FROM outgoing_recipient WHERE domain = ? AND held = 0 AND due <= ? ORDER BY due, outgoing_id
                """, [.text(domain), .integer(now)]
            ) { row in
                let id = row.int64(0)
                guard !leased.contains(id), seen.insert(id).inserted else { return true }
                guard ids.count < limit else {
                    isAll = false
                    return false
                }
                ids.append(id)
                return true
            }
            var messages: [QueuedMessage] = []
            for id in ids {
                if let message = try db.queued(id, domain: domain, due: now, limit: recipients) { messages.append(message) }
            }
            let next = try db.first(
                "SELECT due FROM outgoing_recipient WHERE domain = ? AND held = 0 AND due > ? ORDER BY due LIMIT 1", .text(domain),
                .integer(now)
            ) { $0.int64(0) }
            return (messages, isAll, next)
        }
    }
}

extension Database {
    fileprivate func queued(_ id: Int64, domain: String, due: Int64, limit: Int) throws -> QueuedMessage? {
        var message = try first(
            """
            SELECT queue_id, created, sender, body_id, length, prefix, ret, envelope_id, smtputf8, login, requires_tls, eight_bit,
                message_id, max(created, released)
            FROM outgoing JOIN body ON body.id = body_id WHERE outgoing.id = ?
            """, .integer(id)
        ) { row in
            QueuedMessage(
                id: id, queueID: row.text(0), since: row.int64(13), created: row.int64(1), sender: row.text(2),
                body: BodyReference(id: row.int64(3), length: row.int(4), prefix: row.blob(5)), ret: row.text(6).nonEmpty,
                envelopeID: row.text(7).nonEmpty, smtpUTF8: row.int(8) != 0, login: row.text(9), requiresTLS: row.int(10) != 0,
                isEightBit: row.int(11) != 0, messageID: row.text(12), domain: domain, recipients: [])
        }
        message?.recipients = try all(
            "SELECT \(recipientColumns) FROM outgoing_recipient WHERE outgoing_id = ? AND domain = ? AND held = 0 AND due <= ? ORDER BY id LIMIT ?",
            .integer(id), .text(domain), .integer(due), .int(limit), read: QueuedMessage.Recipient.init)
        return message?.recipients.isEmpty == true ? nil : message
    }
}

let recipientColumns = """
    id, address, forwarded_for, notify, original_type, original_address, due, held, attempts, last_attempt, host, code, reply, reason, warned
    """

extension QueuedMessage.Recipient {
    /// From `recipientColumns`.
    init(_ row: Columns) {
        id = row.int64(0)
        recipient = Outgoing.Recipient(
            address: row.text(1), forwardedFor: row.text(2).nonEmpty, notify: row.int(3) < 0 ? nil : row.int(3),
            originalType: row.text(4).nonEmpty, originalAddress: row.text(5).nonEmpty)
        state = QueueState()
        state.due = row.int64(6)
        state.isHeld = row.int(7) != 0
        state.attempts = row.int(8)
        state.lastAttempt = row.int64(9)
        state.host = row.text(10)
        state.code = row.int(11)
        state.reply = row.text(12)
        state.reason = row.text(13)
        state.isWarned = row.int(14) != 0
    }
}

extension String {
    var nonEmpty: String? { isEmpty ? nil : self }
}
