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
    /// Bodies that are looked up at once.
    private static let bodiesInOneLook = 1_000

    /// Compares the index with itself and with the segments. `deep` also reads every byte and checks its checksum. It may run while
    /// the server does: no transaction is held while bodies are read, which would keep the log from being written back.
    package func verify(deep: Bool = false) async throws(StoreFailure) -> Report {
        var report = try await read { db in
            var report = Report()
            try db.verifyDatabase(deep: deep, &report)
            try db.verifyMailboxes(&report)
            try db.verifyReferences(&report)
            return report
        }
        var last: Int64 = 0
        while true {
            let start = last
            let bodies = try await read { db in
                try db.all(
                    "SELECT id, segment_id, position, header, length FROM body WHERE id > ? ORDER BY id LIMIT ?", .integer(start),
                    .int(Self.bodiesInOneLook)
                ) { ($0.int64(0), Place(segment: $0.int(1), position: $0.int(2), header: $0.int(3), length: $0.int(4))) }
            }
            guard let end = bodies.last?.0 else { break }
            last = end
            report.bodies += bodies.count
            let doubts = try await blocking {
                bodies.compactMap { id, place in self.doubt(id, place, deep: deep).map { (id, place, $0) } }
            }
            for (id, place, finding) in doubts where try await read({ try $0.place(id) }) == place {
                report.problem(finding.code, finding.text)
            }
        }
        let reader = reader
        let bodies = directory + "/bodies"
        for number in try await blocking({ try segmentNumbers(bodies) }) {
            let found = report
            report = try await read { db in
                var report = found
                try db.verifySegment(number, reader, &report)
                return report
            }
        }
        return report
    }

    /// What is wrong with a body. Deleted or moved meanwhile: whoever asks looks again.
    private func doubt(_ id: Int64, _ place: Place, deep: Bool) -> Report.Finding? {
        let name = "body \(id) in segment \(place.segment) at \(place.position)"
        do {
            let file = try reader.file(place.segment)
            guard let header = try SegmentReader.header(in: file, at: place.position) else {
                return .init(code: "body-missing", text: "\(name): no record there")
            }
            guard header.bodyID == id, header.length == place.header, header.payloadLength == place.length,
                file.size >= place.position + header.length + header.payloadLength
            else { return .init(code: "body-missing", text: "\(name): another record, or a shorter one") }
            if deep, try !SegmentReader.isWhole(header, in: file, at: place.position) { return .init(code: "body-damaged", text: name) }
            return nil
        } catch {
            return .init(code: "body-missing", text: "\(name): \(error)")
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
                    AND NOT EXISTS (SELECT 1 FROM quarantine WHERE body_id = body.id)
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
                "counter", "bytes of the quarantine that are miscounted",
                """
                SELECT value FROM counter WHERE name = 'quarantine' AND value <> (SELECT coalesce(sum(size), 0) FROM quarantine)
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

    /// Whole records that the index does not know are dead bytes after a crash and mail to recover after a restore: told, no problem.
    fileprivate func verifySegment(_ number: Int, _ reader: SegmentReader, _ report: inout Report) throws {
        let isKnown = try first("SELECT 1 FROM segment WHERE id = ?", .int(number)) { _ in true } ?? false
        let unindexed = try Unindexed(self)
        guard let file = try? reader.file(number) else {
            // Compacted away since its name was read.
            if isKnown { report.problem("segment", "segment \(number) can't be opened") }
            return
        }
        var later = 0
        var dead = 0
        var damaged = 0
        try SegmentReader.scan(file, from: 0) { finding in
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
            report.notes.append(.init(code: "recoverable", text: "segment \(number): \(later) records that the index does not know yet"))
        }
        if dead > 0 { report.notes.append(.init(code: "dead", text: "segment \(number): \(dead) records that nothing refers to")) }
        if damaged > 0 { report.notes.append(.init(code: "damage", text: "segment \(number): \(damaged) bytes that are no record")) }
        if !isKnown { report.notes.append(.init(code: "unknown", text: "segment \(number) is not in the index")) }
    }
}
