import GRDB
package import Mail

extension MailStore {
    /// Stores a message once and puts it into each recipient's mailbox and the queue, in one transaction. It is durable when this
    /// returns. A recipient over quota, or removed meanwhile, fails alone; when nobody is left it fails with `.overQuota` or
    /// `.nonExistent`. A tally that does not allow it fails it as a whole. A `report` on it becomes part of the same transaction, and is
    /// left out when nobody is there any more to get it.
    package func deliver(_ delivery: Delivery, report: Delivery? = nil) async throws(StoreFailure) -> Receipt {
        try await deliver(delivery, report: report) { _, _ in }
    }

    /// The same, and `more` in the same transaction.
    func deliver(
        _ delivery: Delivery, report: Delivery? = nil, more: @escaping @Sendable (Database, inout Effects) throws -> Void
    ) async throws(StoreFailure) -> Receipt {
        let quota = Int64(integer(.quota))
        let length = delivery.spool.count
        let kept = delivery.quarantined.map { ($0, QuarantineBounds(self)) }
        let companion = report.map { report in
            Companion(spool: report.spool) { db in
                try report.recipients.compactMap { try db.route(to: $0) } + (report.outgoing?.routes ?? [])
            }
        }
        return try await writer.write(spool: delivery.spool, companion: companion) { db in
            // A message that nobody can take is not even appended.
            if let tally = delivery.tally { try db.check(tally) }
            var routes: [Route] = []
            var isWanted = delivery.outgoing != nil || delivery.quarantined != nil
            var reason = StoreFailure.nonExistent
            for recipient in delivery.recipients {
                guard let route = try db.route(to: recipient) else { continue }
                reason = .overQuota
                routes.append(route)
                if !isWanted {
                    isWanted =
                        try recipient.mayExceedQuota
                        || db.hasRoom(recipient.user.rawValue, for: recipient.size(length), fallback: quota)
                }
            }
            routes += (delivery.outgoing?.routes ?? []) + (delivery.quarantined?.routes ?? [])
            if !isWanted { throw reason }
            return routes
        } _: { db, effects in
            if let tally = delivery.tally { try db.count(tally) }
            let keeps = try kept.map { try db.makeRoom(for: $0, length: length, bounds: $1) } ?? false
            if let quarantined = delivery.quarantined, !keeps, delivery.recipients.isEmpty, delivery.outgoing == nil {
                // Nobody waits for it, and no copy finds room: all that is left is what is told.
                try db.insert(quarantined.uncopied(delivery.trace))
                if let report { try db.deliver(report: report, &effects) }
                try more(db, &effects)
                return Receipt(outcomes: [])
            }
            let body = try db.insertBody(effects.body, &effects, envelope: delivery.envelope, structure: delivery.structure)
            var outcomes: [Receipt.Outcome] = []
            outcomes.reserveCapacity(delivery.recipients.count)
            for recipient in delivery.recipients {
                outcomes.append(try db.deliver(body, length, to: recipient, date: delivery.date, quota: quota, &effects))
            }
            var isStored = delivery.outgoing != nil || outcomes.contains { if case .stored = $0 { true } else { false } }
            var trace = delivery.trace
            var number: Int64?
            if let (quarantined, _) = kept {
                if keeps {
                    let id = try db.keep(quarantined, body: body, length: length)
                    trace = quarantined.numbered(trace, id)
                    number = id
                    isStored = true
                    effects.mayBeRemoved = true
                } else {
                    trace = quarantined.uncopied(trace)
                }
            }
            // Thrown, so that the savepoint takes the body's row back.
            guard isStored else { throw outcomes.contains(.overQuota) ? StoreFailure.overQuota : StoreFailure.nonExistent }
            if let outgoing = delivery.outgoing { try db.insert(outgoing, body: body, &effects) }
            try db.insert(trace)
            if let report { try db.deliver(report: report, &effects) }
            try more(db, &effects)
            return Receipt(outcomes: outcomes, quarantine: number)
        }
    }

    /// APPEND: one message into a mailbox that must exist (`.nonExistent`). Durable when it returns.
    package func append(
        user: UserID, mailbox name: String, flags: Flags, date: InternalDate, spool: Spool, envelope: [UInt8], structure: [UInt8]
    ) async throws(StoreFailure) -> (uidValidity: UInt32, uid: UID) {
        let quota = Int64(integer(.quota))
        let length = spool.count
        return try await writer.write(spool: spool) { db in
            let name = try canonicalName(name)
            guard try db.mailboxID(user.rawValue, name) != nil else { throw StoreFailure.nonExistent }
            guard try db.hasRoom(user.rawValue, for: length, fallback: quota) else { throw StoreFailure.overQuota }
            let email = try db.first("SELECT email FROM user WHERE id = ?", .integer(user.rawValue)) { $0.text(0) }
            return [Route(user: email ?? "", folder: name)]
        } _: { db, effects in
            guard try db.hasRoom(user.rawValue, for: length, fallback: quota) else { throw StoreFailure.overQuota }
            let body = try db.insertBody(effects.body, &effects, envelope: envelope, structure: structure)
            guard let place = try db.allot(user.rawValue, try canonicalName(name), size: length, isSeen: flags.system.contains(.seen))
            else { throw StoreFailure.nonExistent }
            try db.insertMessage(place, flags: flags, date: date, size: length, body: body, prefix: [], hidden: nil)
            effects.touched.append(place.mailbox)
            return (place.uidValidity, place.uid)
        }
    }

    /// Whether `size` more bytes fit into the user's quota.
    package func hasRoom(_ user: UserID, for size: Int) async throws(StoreFailure) -> Bool {
        let quota = Int64(integer(.quota))
        return try await read { try $0.hasRoom(user.rawValue, for: size, fallback: quota) }
    }
}

extension Delivery.Target {
    var folder: String {
        switch self {
        case .inbox: "INBOX"
        case .specialUse(let use): use
        case .named(let name): name
        }
    }
}

extension Quarantined {
    /// A folder that nobody has: a restore puts it back where it was, and not into a mailbox.
    static let folder = "\\Quarantine"

    fileprivate var routes: [Route] { recipients.map { Route(user: $0.recipient, folder: Self.folder) } }
}

extension Outgoing {
    fileprivate var routes: [Route] { recipients.map { Route(user: $0.address, folder: "") } }
}

extension Delivery.Recipient {
    func size(_ length: Int) -> Int { prefix.count + length - (hidden?.count ?? 0) }
}

/// A UID and what goes with it, just allotted.
struct Allotted {
    var mailbox: Int64
    var uid: UID
    var modSeq: ModSeq
    var uidValidity: UInt32
}

extension Database {
    func mailboxID(_ user: Int64, _ name: String) throws -> Int64? {
        try first("SELECT id FROM mailbox WHERE user_id = ? AND name = ?", .integer(user), .text(name)) { $0.int64(0) }
    }

    /// `fallback`: the quota of users that have none of their own; 0 is unlimited.
    func hasRoom(_ user: Int64, for size: Int, fallback: Int64) throws -> Bool {
        let own = try first("SELECT quota FROM user WHERE id = ?", .integer(user)) { $0.int64(0) } ?? -1
        let quota = own < 0 ? fallback : own
        if quota == 0 { return true }
        let used = try first("SELECT coalesce(sum(size), 0) FROM mailbox WHERE user_id = ?", .integer(user)) { $0.int64(0) } ?? 0
        return used + Int64(size) <= quota
    }

    func deliver(
        _ body: Int64, _ length: Int, to recipient: Delivery.Recipient, date: InternalDate, quota: Int64, _ effects: inout Effects
    ) throws -> Receipt.Outcome {
        let user = recipient.user.rawValue
        let size = recipient.size(length)
        guard size >= 0, (recipient.hidden?.upperBound ?? 0) <= length else { throw StoreFailure.invalid("hidden range") }
        guard try recipient.mayExceedQuota || hasRoom(user, for: size, fallback: quota) else { return .overQuota }
        let isSeen = recipient.flags.system.contains(.seen)
        var place: Allotted?
        switch recipient.target {
        case .inbox: break
        case .specialUse(let use):
            let name = try first(
                "SELECT name FROM mailbox WHERE user_id = ? AND special_use = ?", .integer(user), .text(use)
            ) { $0.text(0) }
            if let name { place = try allot(user, name, size: size, isSeen: isSeen) }
        case .named(let name):
            if let name = try? canonicalName(name) { place = try allot(user, name, size: size, isSeen: isSeen) }
        }
        if place == nil { place = try allot(user, "INBOX", size: size, isSeen: isSeen) }
        guard let place else { return .noSuchUser }
        try insertMessage(
            place, flags: recipient.flags, date: date, size: size, body: body, prefix: recipient.prefix, hidden: recipient.hidden,
            envelope: recipient.envelope)
        effects.touched.append(place.mailbox)
        return .stored(mailbox: MailboxID(place.mailbox), uid: place.uid)
    }

    /// UID and modification sequence are allotted by the statement that counts the message. Nil when there is no such mailbox.
    func allot(_ user: Int64, _ name: String, size: Int, isSeen: Bool) throws -> Allotted? {
        try first(
            """
            UPDATE mailbox SET uidnext = uidnext + 1, highestmodseq = highestmodseq + 1, messages = messages + 1,
                unseen = unseen + ?, size = size + ? WHERE user_id = ? AND name = ?
            RETURNING id, uidnext - 1, highestmodseq, uidvalidity
            """, .int(isSeen ? 0 : 1), .int(size), .integer(user), .text(name)
        ) { row in
            Allotted(
                mailbox: row.int64(0), uid: UID(truncatingIfNeeded: row.int64(1)), modSeq: row.int64(2),
                uidValidity: UInt32(truncatingIfNeeded: row.int64(3)))
        }
    }

    func insertMessage(
        _ place: Allotted, flags: Flags, date: InternalDate, size: Int, body: Int64, prefix: [UInt8], hidden: Range<Int>?,
        envelope: [UInt8] = []
    ) throws {
        try run(
            """
            INSERT INTO message (id, modseq, flags, keywords, date, zone, size, body_id, prefix, hidden_start, hidden_end,
                envelope)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .integer(messageKey(place.mailbox, place.uid)), .integer(place.modSeq), .int(flags.system.rawValue),
            .text(flags.keywords.joined(separator: " ")), .integer(date.seconds), .int(date.zoneMinutes), .int(size), .integer(body),
            .blob(prefix), .int(hidden?.lowerBound ?? 0), .int(hidden?.upperBound ?? 0), .blob(envelope))
    }

    /// Nil: the user is not there any more.
    fileprivate func route(to recipient: Delivery.Recipient) throws -> Route? {
        try first("SELECT email FROM user WHERE id = ?", .integer(recipient.user.rawValue)) { $0.text(0) }
            .map { Route(user: $0, folder: recipient.target.folder) }
    }

    /// The companion of a piece, to whoever of its recipients is still there.
    fileprivate func deliver(report: Delivery, _ effects: inout Effects) throws {
        let users = try report.recipients.filter { try route(to: $0) != nil }
        guard report.outgoing != nil || !users.isEmpty else { return }
        let body = try insertBody(effects.companion, &effects, envelope: report.envelope, structure: report.structure)
        for var recipient in users {
            recipient.mayExceedQuota = true
            _ = try deliver(body, report.spool.count, to: recipient, date: report.date, quota: 0, &effects)
        }
        if let outgoing = report.outgoing { try insert(outgoing, body: body, &effects) }
        try insert(report.trace)
    }

    func insertBody(
        _ appended: (id: Int64, place: Place)?, _ effects: inout Effects, envelope: [UInt8], structure: [UInt8]
    ) throws -> Int64 {
        guard let (id, place) = appended else { throw StoreFailure.ioError("no body was appended") }
        try run(
            "INSERT INTO body (id, segment_id, position, header, length, envelope, structure, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            .integer(id), .int(place.segment), .int(place.position), .int(place.header), .int(place.length), .blob(envelope),
            .blob(structure), .integer(now()))
        effects.live[place.segment, default: 0] += place.header + place.length
        return id
    }
}
