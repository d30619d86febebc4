import Mail
import SMTP
import Store
import Testing

@testable import Flow

/// NOTIFY=SUCCESS where a message's way ends here (RFC 3461 §5.2.3, §5.2.7).
@Suite(.serialized) struct PlacementTests {
    private static let content = [UInt8]("From: Ana <ana@mi.dominio>\r\nSubject: hola\r\nContent-Language: es\r\n\r\nCuerpo\r\n")

    private func asking(_ notify: RecipientParameters.Notify) -> RecipientParameters {
        var parameters = RecipientParameters()
        parameters.notify = notify
        parameters.original = .init(type: "rfc822", address: "orig@lejos.test")
        return parameters
    }

    private func reports(_ server: SubmittingServer, _ user: String = SubmittingServer.ana) async throws -> [String] {
        try await server.inbox(user).map(\.text).filter { $0.contains("multipart/report") }
    }

    @Test func deliveredToAMailboxHere() async throws {
        try await SubmittingServer.run { server in
            var parameters = MailParameters()
            parameters.envelopeID = "sobre 7"
            parameters.ret = .full
            let answer = try await server.reception(SubmittingServer.ana).submit(
                from: SubmittingServer.ana, to: [SubmittingServer.luis], Self.content, parameters, asks: asking([.success, .failure]))
            #expect(answer.code == 250)
            #expect(try await server.inbox(SubmittingServer.luis).count == 1)
            let report = try #require(try await reports(server).first)
            for part in [
                "Return-Path: <>\r\nDelivered-To: ana@mi.dominio\r\n", "Original-Envelope-Id: sobre 7\r\n",
                "Original-Recipient: rfc822; orig@lejos.test\r\nFinal-Recipient: rfc822; luis@mi.dominio\r\nAction: delivered\r\nStatus: 2.0.0\r\n",
                "Subject: report.subject.delivered es", "Content-Language: es\r\n",
                // RFC 3461 §4.3: RET=FULL is about failures.
                "Content-Type: text/rfc822-headers\r\n\r\n", "Subject: hola\r\n",
            ] { #expect(report.contains(part), "\(part)\n\(report)") }
            #expect(!report.contains("Cuerpo"))
            #expect(try await server.store.trace(SubmittingServer.ana).map(\.event).contains("delivered"))
        }
    }

    @Test(arguments: [RecipientParameters.Notify.failure, .never, .delay])
    func whoDidNotAskIsNotTold(_ notify: RecipientParameters.Notify) async throws {
        try await SubmittingServer.run { server in
            _ = try await server.reception(SubmittingServer.ana).submit(
                from: SubmittingServer.ana, to: [SubmittingServer.luis], Self.content, asks: asking(notify))
            #expect(try await reports(server).isEmpty)
        }
    }

    @Test func aNullSenderIsNotTold() async throws {
        try await SubmittingServer.run { server in
            let answer = try await server.reception(nil).submit(
                from: "", to: [SubmittingServer.luis], Self.content, asks: asking(.success))
            #expect(answer.code == 250)
            #expect(try await server.store.queue().isEmpty)
        }
    }

    /// A list: told once that it was distributed; none of its members tells of success.
    @Test func expanded() async throws {
        try await SubmittingServer.run { server in
            _ = try await server.store.changeForwarding("lista@mi.dominio", { _ in ["luis@mi.dominio", "lejos@b.test"] })
            _ = try await server.reception(SubmittingServer.ana).submit(
                from: SubmittingServer.ana, to: ["lista@mi.dominio"], Self.content, asks: asking([.success, .failure]))
            let found = try await reports(server)
            #expect(found.count == 1)
            let report = try #require(found.first)
            #expect(report.contains("Final-Recipient: rfc822; lista@mi.dominio\r\nAction: expanded\r\nStatus: 2.0.0\r\n"))
            #expect(!report.contains("lejos@b.test") && !report.contains("luis@mi.dominio"))
            let entry = try #require(try await server.store.queue().first)
            #expect(entry.recipients.map(\.recipient.notify) == [2])
            #expect(entry.recipients[0].recipient.originalAddress == "orig@lejos.test")
        }
    }

    @Test func aSingleDestinationElsewhereTakesTheRequestAlong() async throws {
        try await SubmittingServer.run { server in
            _ = try await server.store.changeForwarding("fuera@mi.dominio", { _ in ["lejos@b.test"] })
            _ = try await server.store.changeForwarding("alias@mi.dominio", { _ in ["luis@mi.dominio"] })
            _ = try await server.reception(SubmittingServer.ana).submit(
                from: SubmittingServer.ana, to: ["fuera@mi.dominio", "alias@mi.dominio"], Self.content, asks: asking(.success))
            #expect(try await server.store.queue().first?.recipients.map(\.recipient.notify) == [1])
            let found = try await reports(server)
            // Where the alias leads is not the sender's to know.
            #expect(found.count == 1)
            let report = try #require(found.first)
            #expect(report.contains("Final-Recipient: rfc822; alias@mi.dominio\r\nAction: delivered\r\n"))
            #expect(!report.contains("luis@mi.dominio"))
        }
    }

    /// A stranger's report goes out through the queue, in both languages where his message names none.
    @Test func aStrangerIsTold() async throws {
        try await SubmittingServer.run { server in
            _ = try await server.reception(nil).submit(
                from: "alguien@lejos.test", to: [SubmittingServer.luis], [UInt8]("Subject: x\r\n\r\n"), asks: asking(.success))
            let entry = try #require(try await server.store.queue().first)
            #expect(entry.sender.isEmpty && entry.recipients.map(\.address) == ["alguien@lejos.test"])
            #expect(entry.recipients[0].recipient.notify == nil)
        }
    }

    /// What was refused is not told of.
    @Test func refusedAsAWhole() async throws {
        try await SubmittingServer.run { server in
            try await server.store.set(.dailyRecipients, to: "1")
            let reception = server.reception(SubmittingServer.ana)
            _ = try await reception.submit(from: SubmittingServer.ana, to: [SubmittingServer.luis], Self.content)
            let answer = try await reception.data(
                from: SubmittingServer.ana, to: [SubmittingServer.luis], Self.content, asks: asking(.success))
            #expect(answer.code == 450)
            #expect(try await reports(server).isEmpty)
        }
    }
}
