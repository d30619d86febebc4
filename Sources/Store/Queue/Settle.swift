import GRDB
package import Mail

/// What a delivery attempt made of some recipients of one message.
package struct Settlement: Sendable {
    package enum Outcome: Sendable, Equatable {
        /// Delivered, or given up: it leaves the queue.
        case finished
        /// The whole state as it is from now on.
        case waits(QueueState)
    }

    /// `QueuedMessage.id`.
    package var message: Int64
    /// By `QueuedMessage.Recipient.id`.
    package var recipients: [(id: Int64, outcome: Outcome)]
    package var trace: [TraceEntry]
    /// A message to the sender, stored or queued in the same transaction.
    package var report: Delivery?
    /// Mailboxes here that the message itself goes to in the same transaction, with its date.
    package var mailboxes: [Delivery.Recipient] = []
    package var date = InternalDate(seconds: 0)

    package init(message: Int64, recipients: [(id: Int64, outcome: Outcome)], trace: [TraceEntry] = [], report: Delivery? = nil) {
        self.message = message
        self.recipients = recipients
        self.trace = trace
        self.report = report
    }
}

extension MailStore {
    /// Writes down what an attempt brought; durable when it returns. Whatever settlements wait together share one commit. A recipient
    /// that was removed meanwhile is passed over. Answers false when the report had nobody left to go to: nothing else is missing then.
    @discardableResult
    package func settle(_ settlement: Settlement) async throws(StoreFailure) -> Bool {
        guard var report = settlement.report else {
            try await writer.write { db, effects in try db.settle(settlement, &effects) }
            return true
        }
        for index in report.recipients.indices { report.recipients[index].mayExceedQuota = true }
        do throws(StoreFailure) {
            _ = try await deliver(report) { db, effects in try db.settle(settlement, &effects) }
            return true
        } catch .nonExistent {
            try await writer.write { db, effects in try db.settle(settlement, &effects) }
            return false
        }
    }
}

extension MailStore {
    /// Several at once, none of them with a report.
    package func settle(_ settlements: [Settlement]) async throws(StoreFailure) {
        try await writer.write { db, effects in
            for settlement in settlements { try db.settle(settlement, &effects) }
        }
    }
}

extension Database {
    fileprivate func settle(_ settlement: Settlement, _ effects: inout Effects) throws {
        if !settlement.mailboxes.isEmpty,
            let (body, length) = try first(
                "SELECT body_id, length FROM outgoing JOIN body ON body.id = body_id WHERE outgoing.id = ?", .integer(settlement.message),
                read: { ($0.int64(0), $0.int(1)) })
        {
            for var recipient in settlement.mailboxes {
                recipient.mayExceedQuota = true
                _ = try deliver(body, length, to: recipient, date: settlement.date, quota: 0, &effects)
            }
        }
        for (id, outcome) in settlement.recipients {
            switch outcome {
            case .finished:
                try run("DELETE FROM outgoing_recipient WHERE id = ?", .integer(id))
            case .waits(let state):
                // Whether it is held is the administrator's to say.
                try run(
                    """
                    UPDATE outgoing_recipient SET due = ?, attempts = ?, last_attempt = ?, host = ?, code = ?, reply = ?, reason = ?,
                        warned = ? WHERE id = ?
                    """, .integer(state.due), .int(state.attempts), .integer(state.lastAttempt), .text(state.host), .int(state.code),
                    .text(String(decoding: state.reply.utf8.prefix(1_000), as: UTF8.self)), .text(state.reason),
                    .int(state.isWarned ? 1 : 0), .integer(id))
            }
        }
        try removeEmpty(settlement.message)
        try insert(settlement.trace)
    }

    /// A message leaves with its last recipient.
    func removeEmpty(_ message: Int64) throws {
        try run(
            "DELETE FROM outgoing WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM outgoing_recipient WHERE outgoing_id = ?1)",
            .integer(message))
    }
}
