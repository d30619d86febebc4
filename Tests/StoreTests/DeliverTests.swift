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
