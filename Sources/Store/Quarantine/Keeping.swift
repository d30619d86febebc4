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

    /// Makes room for a message. False: there is none, and nobody waits for it. Fails with `.quarantineFull` where somebody does.
    func makeRoom(for quarantined: Quarantined, length: Int, bounds: QuarantineBounds) throws -> Bool {
        let size = length + quarantined.rowSize
        if try makeRoom(size, bounds, isHeld: quarantined.isHeld) { return true }
        // Who was refused knows. What was thrown away on purpose may be without a copy where the rest makes room by itself.
        let fates = quarantined.recipients.map(\.fate)
        if fates.allSatisfy({ $0 == .reject || bounds.overflow == .oldest && $0 != .quarantine }) { return false }
        throw StoreFailure.quarantineFull(isForNow: bounds.overflow != .reject && size <= bounds.size)
    }

    /// Keeps a message of the batch, whatever room there is, and answers the entry's number.
    func keep(_ quarantined: Quarantined, body: Int64, length: Int) throws -> Int64 {
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
            .int(outgoing?.requiresTLS == true ? 1 : 0), .int(outgoing?.isEightBit == true ? 1 : 0), .int(length + quarantined.rowSize),
            .int(quarantined.isHeld ? 1 : 0))
        let id = lastInsertedRowID
        for recipient in quarantined.recipients { try insert(recipient, into: id) }
        return id
    }

    /// Answers the row's number.
    @discardableResult
    func insert(_ recipient: Quarantined.Recipient, into id: Int64) throws -> Int64 {
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
        return lastInsertedRowID
    }

    /// Whether `size` more bytes fit, after others went if that is the way. What somebody waits for goes for such mail only.
    private func makeRoom(_ size: Int, _ bounds: QuarantineBounds, isHeld: Bool) throws -> Bool {
        guard size <= bounds.size else { return false }
        if bounds.overflow == .oldest { try evict(downTo: bounds.size - size, held: isHeld) }
        return try quarantineSize() <= bounds.size - size
    }

    private func quarantineSize() throws -> Int { try first("SELECT value FROM counter WHERE name = 'quarantine'") { $0.int(0) } ?? 0 }

    /// Removes the oldest entries, copies of what was discarded or refused first, `evictions` of them at most; held ones leave a trace.
    func evict(downTo size: Int, held: Bool) throws {
        for _ in 0..<Self.evictions where try quarantineSize() > size {
            let oldest = try first(
                "SELECT id, held, queue_id, message_id, sender FROM quarantine WHERE held <= ? ORDER BY held, id LIMIT 1",
                .int(held ? 1 : 0)
            ) { (id: $0.int64(0), isHeld: $0.int(1) == 1, queueID: $0.text(2), messageID: $0.text(3), sender: $0.text(4)) }
            guard let oldest else { return }
            if oldest.isHeld {
                try insert([
                    TraceEntry(
                        time: now(), event: "removed", queueID: oldest.queueID, messageID: oldest.messageID, sender: oldest.sender,
                        text: "trace.evicted")
                ])
            }
            try run("DELETE FROM quarantine WHERE id = ?", .integer(oldest.id))
        }
    }
}

extension Quarantined {
    /// Bytes that its rows take in the index, about.
    fileprivate var rowSize: Int {
        let fixed = 400 + from.utf8.count + subject.utf8.count + (outgoing?.prefix.count ?? 0)
        return recipients.reduce(reasons.reduce(fixed) { $0 + $1.utf8.count }) { sum, recipient in
            switch recipient.place {
            case .mailbox(let place, _): sum + 300 + place.prefix.count + place.envelope.count
            case .elsewhere: sum + 300
            }
        }
    }
}

extension TraceEntry {
    /// The value of a stored reason by which it says under which number the message is kept.
    package static let quarantine = "quarantine"

    mutating func isKept(as id: Int64) {
        let key = text.prefix { $0 != "\u{1F}" }
        // Before the others, of which a long one may be cut.
        text = "\(key)\u{1F}\(Self.quarantine)\u{1F}\(id)" + text.dropFirst(key.count)
    }
}

extension Quarantined {
    /// The lines with the entry's number in those of its recipients, each once.
    func numbered(_ trace: [TraceEntry], _ id: Int64) -> [TraceEntry] {
        own(trace) { entry in
            var entry = entry
            entry.isKept(as: id)
            return [entry]
        }
    }

    /// The lines, and behind those of its recipients that no copy is kept.
    func uncopied(_ trace: [TraceEntry]) -> [TraceEntry] {
        own(trace) { entry in
            var why = entry
            why.text = "trace.uncopied"
            return [entry, why]
        }
    }

    private func own(_ trace: [TraceEntry], _ change: (TraceEntry) -> [TraceEntry]) -> [TraceEntry] {
        var waiting = Set(recipients.map { Way(recipient: $0.recipient, destination: $0.destination) })
        return trace.flatMap { entry in
            guard Self.events.contains(entry.event),
                waiting.remove(Way(recipient: entry.recipient, destination: entry.destination)) != nil
            else { return [entry] }
            return change(entry)
        }
    }

    private static let events = ["quarantined", "discarded", "bounced"]

    private struct Way: Hashable {
        var recipient: String
        var destination: String
    }
}

extension Quarantined.Recipient {
    package var destination: String {
        switch place {
        case .mailbox(_, let address): address
        case .elsewhere(let place): place.address
        }
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
