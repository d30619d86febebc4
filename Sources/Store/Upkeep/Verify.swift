import GRDB
import Glibc

/// What `verify` found.
package struct Report: Sendable, Equatable {
    package struct Finding: Sendable, Equatable {
        /// `database`, `foreign-key`, `counter`, `uid`, `modseq`, `body-missing`, `body-damaged`, `orphan`, `segment`…
        package var code: String
        package var text: String
    }

    /// What must not be.
    package var problems: [Finding] = []
    /// What may be: records that the index does not know, bytes that no record owns.
    package var notes: [Finding] = []
    package var bodies = 0
    package var messages = 0

    package var isClean: Bool { problems.isEmpty }
}

extension MailStore {
    /// Compares the index with itself and with the segments. `deep` also reads every byte and checks its checksum. It may run while
    /// the server does; it sees one moment.
    package func verify(deep: Bool = false) async throws(StoreFailure) -> Report {
        let reader = reader
        let bodies = directory + "/bodies"
        return try await read { db in
            var report = Report()
            try db.verifyDatabase(deep: deep, &report)
            try db.verifyMailboxes(&report)
            try db.verifyReferences(&report)
            try db.verifyBodies(reader, deep: deep, &report)
            try db.verifySegments(reader, bodies, &report)
            return report
        }
    }
}

extension Report {
    fileprivate mutating func problem(_ code: String, _ text: String) {
        // One kind of damage at a million places is told a hundred times.
        if problems.count < 1_000 { problems.append(Finding(code: code, text: text)) }
    }
}

extension Database {
    fileprivate func verifyDatabase(deep: Bool, _ report: inout Report) throws {
        for line in try all(deep ? "PRAGMA integrity_check" : "PRAGMA quick_check", read: { $0.text(0) }) where line != "ok" {
            report.problem("database", line)
        }
        for line in try all("PRAGMA foreign_key_check", read: { "\($0.text(0)) row \($0.int(1)) refers to \($0.text(2))" }) {
            report.problem("foreign-key", line)
        }
    }

    fileprivate func verifyMailboxes(_ report: inout Report) throws {
        try forEach(
            """
            SELECT mailbox.id, name, messages, mailbox.unseen, mailbox.size, uidnext, highestmodseq, coalesce(found.n, 0), coalesce(found.unseen, 0),
                coalesce(found.bytes, 0), coalesce(found.uid, 0), coalesce(found.modseq, 0),
                coalesce((SELECT max(modseq) FROM expunged WHERE mailbox_id = mailbox.id), 0),
                coalesce((SELECT max(last) FROM expunged WHERE mailbox_id = mailbox.id), 0)
            FROM mailbox LEFT JOIN (
                SELECT id >> 32 AS mailbox, count(*) AS n, sum(flags & 8 = 0) AS unseen, sum(size) AS bytes, max(id & 4294967295) AS uid,
                    max(modseq) AS modseq
                FROM message GROUP BY id >> 32) AS found ON found.mailbox = mailbox.id
            """, []
        ) { row in
            let name = "mailbox \(row.int(0)) (\(row.text(1)))"
            report.messages += row.int(7)
            if row.int(2) != row.int(7) { report.problem("counter", "\(name) counts \(row.int(2)) messages, has \(row.int(7))") }
            if row.int(3) != row.int(8) { report.problem("counter", "\(name) counts \(row.int(3)) unseen, has \(row.int(8))") }
            if row.int(4) != row.int(9) { report.problem("counter", "\(name) counts \(row.int(4)) bytes, has \(row.int(9))") }
            if row.int(5) <= max(row.int(10), row.int(13)) { report.problem("uid", "\(name): UIDNEXT \(row.int(5)) was given already") }
            if row.int(6) < max(row.int(11), row.int(12)) { report.problem("modseq", "\(name): HIGHESTMODSEQ \(row.int(6)) is passed") }
            return true
        }
        let risen = """
            SELECT message.id >> 32, message.id & 4294967295 FROM expunged JOIN message
            ON message.id BETWEEN expunged.mailbox_id << 32 | first AND expunged.mailbox_id << 32 | last
            """
        for (mailbox, uid) in try all(risen, read: { ($0.int(0), $0.int(1)) }) {
            report.problem("uid", "mailbox \(mailbox): message \(uid) is there and expunged")
        }
    }

    fileprivate func verifyReferences(_ report: inout Report) throws {
        let checks: [(code: String, text: String, sql: String)] = [
            ("orphan", "user without INBOX", "SELECT email FROM user WHERE id NOT IN (SELECT user_id FROM mailbox WHERE name = 'INBOX')"),
            (
                "orphan", "user whose domain is another's",
                "SELECT email FROM user JOIN domain ON domain.id = domain_id WHERE substr(email, instr(email, '@') + 1) <> name"
            ),
            (
                "orphan", "body that nothing refers to",
                """
                SELECT id FROM body WHERE NOT EXISTS (SELECT 1 FROM message WHERE body_id = body.id)
                    AND NOT EXISTS (SELECT 1 FROM outgoing WHERE body_id = body.id)
                """
            ),
            (
                "counter", "message whose size is not its parts'",
                """
                SELECT message.id FROM message JOIN body ON body.id = body_id
                WHERE size <> length(prefix) + length - (hidden_end - hidden_start) OR hidden_end > length
                """
            ),
            (
                "counter", "segment whose live bytes are miscounted",
                """
                SELECT segment.id FROM segment
                WHERE live <> (SELECT coalesce(sum(header + length), 0) FROM body WHERE segment_id = segment.id)
                """
            ),
            (
                "counter", "identity that may be given again",
                """
                SELECT name FROM counter WHERE value < CASE name WHEN 'body' THEN (SELECT coalesce(max(id), 0) FROM body)
                    WHEN 'uidvalidity' THEN (SELECT coalesce(max(uidvalidity), 0) FROM mailbox) ELSE 0 END
                """
            ),
        ]
        for check in checks {
            for name in try all(check.sql + " LIMIT 100", read: { $0.text(0) }) { report.problem(check.code, "\(check.text): \(name)") }
        }
    }

    fileprivate func verifyBodies(_ reader: SegmentReader, deep: Bool, _ report: inout Report) throws {
        try forEach("SELECT id, segment_id, position, header, length FROM body ORDER BY segment_id, position", []) { row in
            let id = row.int64(0)
            let name = "body \(id) in segment \(row.int(1)) at \(row.int(2))"
            report.bodies += 1
            do {
                let file = try reader.file(row.int(1))
                guard let header = try SegmentReader.header(in: file, at: row.int(2)) else {
                    report.problem("body-missing", "\(name): no record there")
                    return true
                }
                guard header.bodyID == id, header.length == row.int(3), header.payloadLength == row.int(4),
                    file.size >= row.int(2) + header.length + header.payloadLength
                else {
                    report.problem("body-missing", "\(name): another record, or a shorter one")
                    return true
                }
                if deep, try !SegmentReader.isWhole(header, in: file, at: row.int(2)) { report.problem("body-damaged", name) }
            } catch {
                report.problem("body-missing", "\(name): \(error)")
            }
            return true
        }
    }

    /// Whole records that the index does not know are dead bytes after a crash and mail to recover after a restore: told, no problem.
    fileprivate func verifySegments(_ reader: SegmentReader, _ bodies: String, _ report: inout Report) throws {
        let known = Set(try all("SELECT id FROM segment", read: { $0.int(0) }))
        let unindexed = try Unindexed(self)
        for number in try segmentNumbers(bodies) {
            var later = 0
            var dead = 0
            var damaged = 0
            try SegmentReader.scan(try reader.file(number), from: 0) { finding in
                switch finding {
                case .damage(let range): damaged += range.count
                case .record(let header, let position):
                    let place = try self.place(header.bodyID)
                    if place?.segment == number, place?.position == position { break }
                    if unindexed.contains(header.commit) { later += 1 } else { dead += 1 }
                }
                return true
            }
            if later > 0 {
                report.notes.append(
                    .init(code: "recoverable", text: "segment \(number): \(later) records that the index does not know yet"))
            }
            if dead > 0 { report.notes.append(.init(code: "dead", text: "segment \(number): \(dead) records that nothing refers to")) }
            if damaged > 0 { report.notes.append(.init(code: "damage", text: "segment \(number): \(damaged) bytes that are no record")) }
            if !known.contains(number) { report.notes.append(.init(code: "unknown", text: "segment \(number) is not in the index")) }
        }
    }
}
