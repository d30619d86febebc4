import Mail
package import Store

/// Delivers a quarantined message as if it had passed, with a field that says so.
package struct QuarantineRelease: Sendable {
    package var entry: QuarantineEntry
    package var recipients: [QuarantineEntry.Recipient]
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
        let reason = Reason("trace.released", ["id": "\(entry.id)"]).stored
        return try await store.release(
            entry.id, to: Set(recipients.map(\.id)), field: Array("X-Quarantine-Release: <\(entry.queueID)>; \(date)\r\n".utf8),
            trace: recipients.map {
                TraceEntry(
                    time: now, event: "released", queueID: entry.queueID, messageID: entry.messageID, sender: entry.sender,
                    recipient: $0.recipient, destination: $0.destination, text: reason)
            })
    }
}
