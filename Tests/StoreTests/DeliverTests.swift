import Mail
import Testing

@testable import Store

struct DeliverTests {
    @Test func roundTrip() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let receipt = try await store.deliver("Subject: hola\r\n\r\nHola\r\n", to: [user], prefix: "Return-Path: <>\r\n")
        let inbox = try await store.inbox(user)
        #expect(receipt.outcomes == [.stored(mailbox: inbox, uid: 1)])
        let rows = try await store.rows(inbox)
        #expect(rows.count == 1)
        #expect(try await store.text(rows[0]) == "Return-Path: <>\r\nSubject: hola\r\n\r\nHola\r\n")
        #expect(rows[0].envelope == Array("(env)".utf8))
        #expect(rows[0].structure == Array("structure".utf8))
        await store.close()
        let again = try await scratch.open()
        #expect(try await again.text(rows[0]).hasSuffix("Hola\r\n"))
        await again.close()
    }
}

struct TargetTests {
    @Test func whereItGoes() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let targets: [(Delivery.Target, String)] = [
            (.inbox, "INBOX"), (.specialUse("\\Junk"), "Junk"), (.specialUse("\\Nope"), "INBOX"), (.named("Archive"), "Archive"),
            (.named("Nada"), "INBOX"), (.named("a//b"), "INBOX"), (.named("inbox"), "INBOX"),
        ]
        for (target, name) in targets {
            let receipt = try await store.deliver(
                Delivery(
                    spool: store.spool("x"), envelope: [], structure: [], date: InternalDate(seconds: 0),
                    recipients: [.init(user: user, target: target)]))
            let status = try await store.status(user, name)
            #expect(receipt.outcomes == [.stored(mailbox: status.id, uid: status.uidNext - 1)])
        }
        await #expect(throws: StoreFailure.nonExistent) { try await store.deliver("x", to: [UserID(999)]) }
        #expect(try await store.deliver("x", to: [UserID(999), user]).outcomes[0] == .noSuchUser)
        let appended = try await store.append(
            user: user, mailbox: "Drafts", flags: Flags([.draft, .seen]), date: InternalDate(seconds: 7), spool: store.spool("y"),
            envelope: [], structure: [])
        let drafts = try await store.status(user, "Drafts")
        #expect(appended.uid == 1 && appended.uidValidity == drafts.uidValidity && drafts.unseen == 0)
        await #expect(throws: StoreFailure.nonExistent) {
            try await store.append(
                user: user, mailbox: "Nada", flags: Flags(), date: InternalDate(seconds: 7), spool: store.spool("y"), envelope: [],
                structure: [])
        }
        let report = try await store.verify(deep: true)
        #expect(report.problems == [] && report.notes == [])
        await store.close()
    }
}
