import GRDB
import Mail

extension Database {
    /// Puts a message into the queue, each recipient under the domain that it is delivered with.
    func insert(_ outgoing: Outgoing, body: Int64, _ effects: inout Effects) throws {
        effects.touched.append(QueueWake.arrival)
        try run(
            """
            INSERT INTO outgoing (queue_id, created, sender, body_id, prefix, ret, envelope_id, smtputf8, login, requires_tls, eight_bit,
                message_id, released)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .text(outgoing.queueID), .integer(now()), .text(outgoing.sender), .integer(body), .blob(outgoing.prefix),
            .text(outgoing.ret ?? ""), .text(outgoing.envelopeID ?? ""), .int(outgoing.smtpUTF8 ? 1 : 0), .text(outgoing.login),
            .int(outgoing.requiresTLS ? 1 : 0), .int(outgoing.isEightBit ? 1 : 0), .text(outgoing.messageID),
            .integer(outgoing.due))
        let id = lastInsertedRowID
        for recipient in outgoing.recipients {
            try run(
                """
                INSERT INTO outgoing_recipient (outgoing_id, address, forwarded_for, notify, original_type, original_address, domain, due)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """, .integer(id), .text(recipient.address), .text(recipient.forwardedFor ?? ""), .int(recipient.notify ?? -1),
                .text(recipient.originalType ?? ""), .text(recipient.originalAddress ?? ""), .text(destinationDomain(recipient.address)),
                .integer(outgoing.due))
        }
    }
}

/// The domain of an address as A-label in lower case, a literal as it is; what follows the last `@` of a text that is no address.
func destinationDomain(_ address: String) -> String {
    if let parsed = try? Address(parsing: address, allowUTF8: true, localPartLimit: Address.generatedLocalPartLimit) {
        return parsed.domain.ascii
    }
    return folded(address.split(separator: "@", omittingEmptySubsequences: false).last.map(String.init) ?? "")
}
