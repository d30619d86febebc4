package import Mail
package import Store

/// Delivers a quarantined message as if it had passed, with a field that says so.
package struct QuarantineRelease: Sendable {
    package var entry: QuarantineEntry
    package var recipients: [QuarantineEntry.Recipient]
    /// Mailboxes here that it was not for, into which it is put as well.
    package var others: [Quarantined.Recipient] = []
    /// Seconds since 1970.
    package var now: Int64
    package var zone: @Sendable (Int64) -> Int16

    package init(
        entry: QuarantineEntry, recipients: [QuarantineEntry.Recipient], now: Int64, zone: @escaping @Sendable (Int64) -> Int16
    ) {
        self.entry = entry
        self.recipients = recipients
        self.now = now
        self.zone = zone
    }

    package func carryOut(_ store: MailStore) async throws(StoreFailure) -> MailStore.Released {
        let date = MailDate.format(seconds: now, zoneMinutes: zone(now))
        let reason = Reason("trace.released", ["id": "\(entry.id)"])
        let elsewhere = Reason("trace.released-elsewhere", ["id": "\(entry.id)"])
        return try await store.release(
            entry.id, to: Set(recipients.map(\.id)), others: others,
            field: Array("X-Quarantine-Release: <\(entry.queueID)>; \(date)\r\n".utf8),
            trace: recipients.map { line($0.recipient, $0.destination, reason) }
                + others.map { line($0.recipient, $0.destination, elsewhere) })
    }

    private func line(_ recipient: String, _ destination: String, _ reason: Reason) -> TraceEntry {
        TraceEntry(
            time: now, event: "released", queueID: entry.queueID, messageID: entry.messageID, sender: entry.sender, recipient: recipient,
            destination: destination, text: reason.stored)
    }

    // MARK: Into another mailbox

    /// Adds the mailboxes that an address here leads to. False: it leads to none, or also elsewhere, where only what is judged goes.
    package mutating func add(_ address: Address, hostname: String, in store: MailStore) async throws(StoreFailure) -> Bool {
        let expansion = try await Recipients(store, hostname: hostname).reach(address, in: store)
        guard !expansion.locals.isEmpty, expansion.foreign.isEmpty else { return false }
        for local in expansion.locals {
            let destination = local.user.address
            if let known = entry.recipients.first(where: { $0.destination == destination }) {
                if !recipients.contains(known) { recipients.append(known) }
            } else if !others.contains(where: { $0.destination == destination }) {
                others.append(try await recipient(local, in: store))
            }
        }
        return true
    }

    /// As the first of its recipients would have seen it.
    private func recipient(_ local: Expansion.Local, in store: MailStore) async throws(StoreFailure) -> Quarantined.Recipient {
        let beginning = try await store.beginning(ofQuarantined: entry.id)
        let destination = local.user.address
        guard let known = beginning.recipient, case .mailbox(var place, _) = known.place else {
            // It would only have left, whole: forged fields are hidden here.
            let seen = try await header(store).seen(tag: "")
            var place = Delivery.Recipient(
                user: UserID(local.user.id),
                prefix: Array("Return-Path: <\(beginning.sender)>\r\nDelivered-To: \(destination)\r\n".utf8) + beginning.relayPrefix
                    + seen.head,
                hidden: seen.hidden, mayExceedQuota: true)
            place.envelope = seen.envelope
            return Quarantined.Recipient(
                recipient: beginning.address, fate: .quarantine, place: .mailbox(place, address: destination))
        }
        place.user = UserID(local.user.id)
        place.prefix = Self.delivered(place.prefix, to: destination)
        return Quarantined.Recipient(recipient: known.recipient, fate: known.fate, place: .mailbox(place, address: destination))
    }

    /// The field that names the mailbox names this one; the others tell of the message's way, which is the same.
    private static func delivered(_ prefix: [UInt8], to address: String) -> [UInt8] {
        let field = Array("Delivered-To: \(address)\r\n".utf8)
        return prefix.withUnsafeBufferPointer { bytes in
            guard let old = HeaderSection(parsing: bytes).fields(named: "delivered-to".utf8, in: bytes).first else { return field + prefix }
            return bytes[..<old.range.lowerBound] + field + bytes[old.range.upperBound...]
        }
    }

    private func header(_ store: MailStore) async throws(StoreFailure) -> HeaderView {
        var head: [UInt8] = []
        while head.count < HeaderView.limit {
            let piece = try await store.quarantinedBytes(entry.id, from: head.count)
            if piece.isEmpty { break }
            head += piece
        }
        return head.withUnsafeBufferPointer { HeaderView(reading: $0) }
    }
}
