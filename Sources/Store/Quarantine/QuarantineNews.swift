import GRDB
import Mail

/// What came into quarantine since the administrator was last told.
package struct QuarantineNews: Sendable {
    package var count = 0
    /// The oldest of them.
    package var entries: [QuarantineEntry] = []
    /// The newest entry's number.
    package var last: Int64 = 0
    /// When he was told, seconds since 1970.
    package var lastTold: Int64 = 0
}

extension MailStore {
    /// `category`: those alone; nil: all.
    package func quarantineNews(category: String?, named: Int) async throws(StoreFailure) -> QuarantineNews {
        try await read { db in
            var news = QuarantineNews()
            news.lastTold = try db.first("SELECT value FROM counter WHERE name = 'quarantine-told-time'") { $0.int64(0) } ?? 0
            let told = try db.toldOfQuarantine()
            try db.forEach(
                "SELECT count(*), coalesce(max(id), 0) FROM quarantine WHERE id > ?1 AND (?2 IS NULL OR category = ?2)",
                [.integer(told), category.map { .text($0) } ?? .null]
            ) { row in
                news.count = row.int(0)
                news.last = row.int64(1)
                return false
            }
            news.entries = try db.quarantineEntries(
                where: "quarantine.id > ?1 AND (?2 IS NULL OR category = ?2) ORDER BY quarantine.id LIMIT ?3",
                [.integer(told), category.map { .text($0) } ?? .null, .int(named)])
            return news
        }
    }
}

extension MailStore {
    /// What came by now is no news: the administrator wants none.
    package func forgoQuarantineNews() async throws(StoreFailure) {
        let (newest, told) = try await read { db in
            (try db.first("SELECT coalesce(max(id), 0) FROM quarantine") { $0.int64(0) } ?? 0, try db.toldOfQuarantine())
        }
        guard told < newest else { return }
        try await writer.write { db, _ in
            _ = try db.run(
                """
                INSERT INTO counter VALUES ('quarantine-told', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)
                """, .integer(newest))
        }
    }
}

extension Database {
    func toldOfQuarantine() throws -> Int64 {
        try first("SELECT value FROM counter WHERE name = 'quarantine-told'") { $0.int64(0) } ?? 0
    }

    func tellOfQuarantine(upTo id: Int64, time: Int64) throws {
        try run(
            """
            INSERT INTO counter VALUES ('quarantine-told', ?1), ('quarantine-told-time', ?2)
            ON CONFLICT DO UPDATE SET value = excluded.value
            """, .integer(id), .integer(time))
    }
}
