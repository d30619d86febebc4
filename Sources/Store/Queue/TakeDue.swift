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

    /// What was queued after a recipient's number: messages that are due at once, by destination, in their order, with at most
    /// `recipients` of each, and the domains of what is due later. At most `limit` recipients are looked at, but for those of one message.
    package func arrivals(
        after id: Int64, now: Int64, recipients: Int, limit: Int = 1_000
    ) async throws(StoreFailure) -> Arrivals {
        let (arrivals, found) = try await read { try $0.arrivals(after: id, now: now, recipients: recipients, limit: limit) }
        // Whoever is told of them is about to read them.
        places.insert(found)
        return arrivals
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
        let (found, located) = try await read { db in
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
            var located: [(id: Int64, place: Place)] = []
            for id in ids {
                guard let (message, place) = try db.queued(id, domain: domain, due: now, limit: recipients) else { continue }
                messages.append(message)
                located.append((message.body.id, place))
            }
            let next = try db.first(
                "SELECT due FROM outgoing_recipient WHERE domain = ? AND held = 0 AND due > ? ORDER BY due LIMIT 1", .text(domain),
                .integer(now)
            ) { $0.int64(0) }
            return ((messages, isAll, next), located)
        }
        places.insert(located)
        return found
    }
}

extension Database {
    fileprivate func queued(_ id: Int64, domain: String, due: Int64, limit: Int) throws -> (QueuedMessage, Place)? {
        let found = try first(
            "SELECT \(messageColumns), EXISTS (SELECT 1 FROM domain WHERE name = ?2) "
                + "FROM outgoing JOIN body ON body.id = body_id WHERE outgoing.id = ?1", .integer(id), .text(domain)
        ) { (QueuedMessage($0, at: 0, domain: domain), Place($0, at: 0)) }
        guard let (head, place) = found else { return nil }
        var message = head
        message.recipients = try all(
            "SELECT \(recipientColumns) FROM outgoing_recipient WHERE outgoing_id = ? AND domain = ? AND held = 0 AND due <= ? ORDER BY id LIMIT ?",
            .integer(id), .text(domain), .integer(due), .int(limit), read: QueuedMessage.Recipient.init)
        return message.recipients.isEmpty ? nil : (message, place)
    }

    fileprivate func arrivals(
        after id: Int64, now: Int64, recipients: Int, limit: Int
    ) throws -> (Arrivals, [(id: Int64, place: Place)]) {
        var found = Arrivals(last: id)
        var located: [(id: Int64, place: Place)] = []
        var later: [String: Int64] = [:]
        /// Where the destinations of the message that is being read are in `found.messages`.
        var destinations: [String: Int] = [:]
        var current: Int64 = 0
        var count = 0
        try forEach(
            """
            SELECT \(recipientColumns), domain, \(messageColumns), EXISTS (SELECT 1 FROM domain WHERE name = outgoing_recipient.domain)
            FROM outgoing_recipient JOIN outgoing ON outgoing.id = outgoing_id JOIN body ON body.id = body_id
            WHERE outgoing_recipient.id > ? ORDER BY outgoing_recipient.id
            """, [.integer(id)]
        ) { row in
            let recipient = QueuedMessage.Recipient(row)
            let domain = row.text(recipientColumnCount)
            let start = recipientColumnCount + 1
            let message = row.int64(start)
            // A message is taken whole: what comes of it later would find it taken.
            if message != current, count >= limit {
                found.isEnd = false
                return false
            }
            if message != current { destinations = [:] }
            current = message
            count += 1
            found.last = recipient.id
            if recipient.state.isHeld { return true }
            guard recipient.state.due <= now else {
                later[domain] = min(later[domain] ?? .max, recipient.state.due)
                return true
            }
            if let index = destinations[domain] {
                if found.messages[index].recipients.count < recipients { found.messages[index].recipients.append(recipient) }
                return true
            }
            destinations[domain] = found.messages.count
            var fresh = QueuedMessage(row, at: start, domain: domain)
            fresh.recipients = [recipient]
            found.messages.append(fresh)
            located.append((fresh.body.id, Place(row, at: start)))
            return true
        }
        found.later = later.map { DueDomain(name: $0.key, due: $0.value) }
        return (found, located)
    }
}

/// Read by `QueuedMessage.init`; what follows them says whether the domain is ours.
private let messageColumns = """
    outgoing.id, queue_id, created, sender, body_id, length, prefix, ret, envelope_id, smtputf8, login, requires_tls, eight_bit,
    message_id, max(created, released), segment_id, position, header
    """
private let recipientColumnCount: CInt = 15
let recipientColumns = """
    outgoing_recipient.id, address, forwarded_for, notify, original_type, original_address, due, held, attempts, last_attempt, host, code, reply, reason, warned
    """

extension QueuedMessage {
    /// From `messageColumns`, without recipients.
    fileprivate init(_ row: Columns, at start: CInt, domain: String) {
        self.init(
            id: row.int64(start), queueID: row.text(start + 1), since: row.int64(start + 14), created: row.int64(start + 2),
            sender: row.text(start + 3),
            body: BodyReference(id: row.int64(start + 4), length: row.int(start + 5), prefix: row.blob(start + 6)),
            ret: row.text(start + 7).nonEmpty, envelopeID: row.text(start + 8).nonEmpty, smtpUTF8: row.int(start + 9) != 0,
            login: row.text(start + 10), requiresTLS: row.int(start + 11) != 0, isEightBit: row.int(start + 12) != 0,
            messageID: row.text(start + 13), domain: domain, recipients: [])
        isOurs = row.int(start + 18) != 0
    }
}

extension Place {
    /// Of the body, from `messageColumns`.
    fileprivate init(_ row: Columns, at start: CInt) {
        self.init(segment: row.int(start + 15), position: row.int(start + 16), header: row.int(start + 17), length: row.int(start + 5))
    }
}

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
