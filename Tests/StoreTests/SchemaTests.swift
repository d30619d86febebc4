import CEmbedded
import Testing

@testable import Store

@Suite struct SchemaTests {
    /// What version 1 had queued is known by its domain, and so does not wait for ever.
    @Test func queuedMailOfVersion1IsKeptWithItsDomain() async throws {
        let scratch = Scratch()
        let (store, _) = try await scratch.populated()
        await store.close()
        #expect(scratch.sqlite3(".tables").status == 0)
        try #require(scratch.sqlite3(Self.version1Database, database: "old.db").status == 0)
        #expect(scratch.sqlite3("", database: "old.db").status == 0)
        scratch.move("old.db", to: "data/buzon.db")
        let reopened = try await scratch.open()
        let rows = scratch.sqlite3("SELECT address, domain, due, held FROM outgoing_recipient ORDER BY id").output
        #expect(rows == "a@B.test|b.test|0|0\n\"x@y\"@c.test|c.test|0|0\n")
        #expect(scratch.sqlite3("SELECT count(*), min(length(value)) FROM secret").output == "3|32\n")
        #expect(try await reopened.users().map(\.email) == ["usuario@virtual.test"])
        await reopened.close()
    }

    private static var version1Database: String {
        let schema = Schema.migrations[0]()
        return """
            PRAGMA journal_mode = WAL;
            BEGIN;
            \(schema)
            PRAGMA application_id = \(Schema.applicationID);
            PRAGMA user_version = 1;
            INSERT INTO domain (name) VALUES ('virtual.test');
            INSERT INTO user (domain_id, email) VALUES (1, 'usuario@virtual.test');
            INSERT INTO segment (id) VALUES (1);
            INSERT INTO body VALUES (1, 1, 0, 100, 10, x'', x'');
            INSERT INTO outgoing (queue_id, created, sender, body_id, prefix) VALUES ('Q1', 1, 's@virtual.test', 1, x'');
            INSERT INTO outgoing_recipient (outgoing_id, address) VALUES (1, 'a@B.test'), (1, '"x@y"@c.test');
            COMMIT;
            """
    }
}
