import Mail
import Testing

@testable import Store

struct QuarantineFilterTests {
    private func entry(
        _ queueID: String, _ user: UserID, to recipient: String = "alias@virtual.test", from sender: String = "de@x.test",
        category: String = "virus", destination: String = "usuario@virtual.test"
    ) -> Quarantined {
        let place: Quarantined.Place =
            user.rawValue == 0
            ? .elsewhere(Outgoing.Recipient(address: destination))
            : .mailbox(Delivery.Recipient(user: user), address: destination)
        return Quarantined(
            queueID: queueID, received: InternalDate(seconds: 7), messageID: "", peer: "", sender: sender, from: "", subject: "",
            category: category, reasons: [], recipients: [Quarantined.Recipient(recipient: recipient, fate: .quarantine, place: place)])
    }

    /// Entries `a` to `e`, each unlike the others.
    private func populated(_ scratch: Scratch) async throws -> MailStore {
        let (store, user) = try await scratch.populated()
        try await store.addDomain("xn--and-6ma2c.test")
        try await store.addUser("ana@xn--and-6ma2c.test", password: [65])
        let ana = try #require(try await store.user("ana@xn--and-6ma2c.test")).id
        for entry in [
            entry("a", user), entry("b", user, from: "", category: "banned"),
            entry("c", ana, to: "Ana@ÑANDÚ.test", from: "Uno@Y.test", destination: "ana@xn--and-6ma2c.test"),
            entry("d", UserID(0), to: "fuera@virtual.test", from: "\"x@x.test\"@y.test", category: "spam", destination: "lejos@z.test"),
            entry("e", user, from: "otro@sub.x.test", category: "spam"),
        ] {
            var delivery = Delivery(
                spool: try store.spool("x"), envelope: [], structure: [], date: InternalDate(seconds: 7), recipients: [])
            delivery.quarantined = entry
            _ = try await store.deliver(delivery)
        }
        return store
    }

    private func found(_ store: MailStore, _ wanted: String? = nil, limit: Int = 100, _ change: (inout QuarantineFilter) throws -> Void)
        async throws -> String
    {
        var filter = QuarantineFilter()
        try change(&filter)
        return try await store.quarantine(wanted, filter, limit: limit).map(\.queueID).joined()
    }

    @Test func eachAloneAndAllTogether() async throws {
        let scratch = Scratch()
        let store = try await populated(scratch)
        #expect(try await found(store) { _ in } == "edcba")
        #expect(try await found(store, limit: 2) { _ in } == "ed")
        #expect(try await found(store) { $0.user = "usuario@virtual.test" } == "eba")
        #expect(try await found(store) { $0.user = "nadie@virtual.test" } == "")
        #expect(try await found(store) { $0.domain = try Domain(parsing: "VIRTUAL.test", allowUTF8: true) } == "edba")
        #expect(try await found(store) { $0.domain = try Domain(parsing: "ñandú.test", allowUTF8: true) } == "c")
        #expect(try await found(store) { $0.domain = try Domain(parsing: "z.test", allowUTF8: true) } == "d")
        #expect(try await found(store) { $0.domain = try Domain(parsing: "irtual.test", allowUTF8: true) } == "")
        #expect(try await found(store) { $0.sender = .address("UNO@y.test") } == "c")
        #expect(try await found(store) { $0.sender = .domain(try Domain(parsing: "y.test", allowUTF8: true)) } == "dc")
        #expect(try await found(store) { $0.sender = .domain(try Domain(parsing: "x.test", allowUTF8: true)) } == "a")
        #expect(try await found(store) { $0.sender = .null } == "b")
        #expect(try await found(store) { $0.category = "spam" } == "ed")
        #expect(scratch.sqlite3("UPDATE quarantine SET created = created - 3600 WHERE queue_id IN ('a', 'd')").status == 0)
        let since = now() - 1_800
        #expect(try await found(store) { $0.since = since } == "ecb")
        #expect(
            try await found(store) {
                $0.since = since
                $0.user = "usuario@virtual.test"
                $0.category = "spam"
            } == "e")
        #expect(try await found(store, "alias@virtual.test") { $0.category = "virus" } == "a")
        #expect(try await found(store, "1") { $0.category = "spam" } == "")
        await store.close()
    }

    /// What has an index is found by it.
    @Test func indexes() async throws {
        let scratch = Scratch()
        let store = try await populated(scratch)
        func plan(_ change: (inout QuarantineFilter) -> Void) async throws -> String {
            var filter = QuarantineFilter()
            change(&filter)
            let conditions = filter.conditions(nil)
            return try await store.read { db in
                var steps: [String] = []
                try db.forEach(
                    "EXPLAIN QUERY PLAN SELECT * FROM quarantine WHERE \(conditions.sql) ORDER BY quarantine.id DESC LIMIT 10",
                    conditions.values
                ) {
                    steps.append($0.text(3))
                    return true
                }
                return steps
            }.joined(separator: "\n")
        }
        #expect(try await plan { $0.user = "usuario@virtual.test" }.contains("USING INDEX quarantine_recipient_user"))
        #expect(try await plan { $0.since = 7 }.contains("quarantine_created"))
        // From the newest on, without sorting all.
        let spam = try await plan { $0.category = "spam" }
        #expect(!spam.contains("TEMP B-TREE"), "\(spam)")
        await store.close()
    }
}
