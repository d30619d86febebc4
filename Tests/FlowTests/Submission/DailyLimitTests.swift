import Mail
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

private let message = [UInt8]("From: ana@mi.dominio\r\n\r\nhola\r\n")
private let ana = SubmittingServer.ana

@Suite struct DailyLimitTests {
    @Test func recipientsAreCountedByUserAndDay() async throws {
        try await SubmittingServer.run { server in
            try await server.store.set(.dailyRecipients, to: "5")
            let to = ["luis@mi.dominio", "a@x.test", "b@x.test"]
            #expect(try await server.reception(ana).submit(from: ana, to: to, message).code == 250)
            let day = DailyLimit(server.context).day
            #expect(try await server.store.sentCount(ana, day: day) == SentCount(recipients: 3))
            // The third one is too many, whoever he is; the first two are not counted unless they are sent to.
            let reception = server.reception(ana)
            #expect(try await reception.mail(ana) == .accepted)
            #expect(try await reception.rcpt("a@x.test") == .accepted)
            #expect(try await reception.rcpt("luis@mi.dominio") == .accepted)
            let refusal = SMTP.Answer.refused(Reply(450, "4.7.1", "Daily limit of 5 recipients reached"))
            #expect(try await reception.rcpt("b@x.test") == refusal)
            #expect(try await server.store.sentCount(ana, day: day)?.recipients == 3)
            #expect(try await reception.data(from: ana, to: ["a@x.test", "luis@mi.dominio"], message).code == 250)
            #expect(try await server.store.sentCount(ana, day: day) == SentCount(recipients: 5, isTold: true))
            #expect(try await reception.submit(from: ana, to: ["a@x.test"], message) == refusal)
            // Another user, a client without login, and the next day.
            let other = [UInt8]("From: luis@mi.dominio\r\n\r\n")
            #expect(try await server.reception("luis@mi.dominio").submit(from: "", to: to, other).code == 250)
            #expect(try await server.reception(nil, peer: "127.0.0.1").submit(from: ana, to: to, message).code == 250)
            server.now.withLock { $0 += 12 * 3_600 }
            #expect(try await reception.submit(from: ana, to: to, message).code == 250)
            #expect(try await server.store.sentCount(ana, day: day + 1)?.recipients == 3)
        }
    }

    /// Both have asked at RCPT before either has sent.
    @Test func twoConnectionsShareOneLimit() async throws {
        try await SubmittingServer.run { server in
            try await server.store.set(.dailyRecipients, to: "3")
            let to = ["a@x.test", "luis@mi.dominio"]
            let receptions = (0..<2).map { _ in server.reception(ana) }
            for reception in receptions {
                #expect(try await reception.mail(ana) == .accepted)
                for recipient in to { #expect(try await reception.rcpt(recipient) == .accepted) }
            }
            #expect(try await receptions[0].data(from: ana, to: to, message).code == 250)
            #expect(try await receptions[1].data(from: ana, to: to, message).code == 450)
            #expect(try await server.inbox("luis@mi.dominio").count == 1)
            #expect(try await server.store.queue().count == 1)
            #expect(try await server.store.sentCount(ana, day: DailyLimit(server.context).day) == SentCount(recipients: 2, isTold: true))
        }
    }

    @Test func manyAtOnceNeverExceedIt() async throws {
        try await SubmittingServer.run { server in
            try await server.store.set(.dailyRecipients, to: "20")
            let codes = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<60 {
                    group.addTask { (try? await server.reception(ana).submit(from: ana, to: ["luis@mi.dominio"], message).code) ?? 0 }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(codes.count { $0 == 250 } == 20)
            #expect(codes.count { $0 == 450 } == 40)
            #expect(try await server.inbox("luis@mi.dominio").count == 20)
            #expect(try await server.inbox(SubmittingServer.administrator).count == 1)
        }
    }

    @Test func theAdministratorIsToldOnceADay() async throws {
        try await SubmittingServer.run { server in
            try await server.store.set(.dailyRecipients, to: "1")
            try await server.store.set(.reportLanguage, to: "es")
            // More than a day's worth in one message, without any before it.
            for _ in 0..<3 {
                #expect(try await server.reception(ana).submit(from: "", to: ["a@x.test", "luis@mi.dominio"], message).code == 450)
            }
            let told = try await server.inbox(SubmittingServer.administrator)
            #expect(told.count == 1)
            let text = try #require(told.first).text
            #expect(text.hasPrefix("Return-Path: <>\r\nDelivered-To: admin@mi.dominio\r\n"))
            #expect(text.contains("\r\nFrom: MAILER-DAEMON@mail.host\r\nTo: postmaster@mail.host\r\n"))
            #expect(text.contains("\r\nSubject: notice.limit.subject es ana@mi.dominio\r\n"))
            #expect(text.contains("\r\nAuto-Submitted: auto-generated\r\n"))
            #expect(text.contains("\r\n\r\nnotice.limit.what es ana@mi.dominio 1 Fri, 27 Nov 2026\r\n"))
            #expect(server.reports.withLock { $0 } == ["daily limit"])
            server.now.withLock { $0 += 86_400 }
            for _ in 0..<2 { _ = try await server.reception(ana).submit(from: "", to: ["a@x.test", "luis@mi.dominio"], message) }
            #expect(try await server.inbox(SubmittingServer.administrator).count == 2)
            _ = try await server.reception("luis@mi.dominio").submit(from: "", to: ["a@x.test", "b@x.test"], message)
            #expect(try await server.inbox(SubmittingServer.administrator).count == 3)
        }
    }

    @Test func anAdministratorElsewhereIsToldThroughTheQueue() async throws {
        try await SubmittingServer.run { server in
            try await server.store.set(.dailyRecipients, to: "1")
            try await server.store.set(.administrator, to: "jefa@otra.test")
            _ = try await server.reception(ana).submit(from: "", to: ["luis@mi.dominio", "a@x.test"], message)
            let queue = try await server.store.queue()
            #expect(queue.map(\.sender) == [""])
            #expect(queue.first?.recipients.map(\.address) == ["jefa@otra.test"])
        }
    }

    @Test func whoWasRemovedMeanwhileSendsNothing() async throws {
        try await SubmittingServer.run { server in
            let reception = server.reception(ana)
            #expect(try await reception.mail("") == .accepted)
            #expect(try await reception.rcpt("a@x.test") == .accepted)
            try await server.store.removeUser(ana)
            #expect(try await reception.data(from: "", to: ["a@x.test"], [UInt8]("Subject: x\r\n\r\n")).code == 554)
            #expect(try await reception.mail(ana).code == 553)
            #expect(try await reception.mail("") == .accepted)
            #expect(try await reception.rcpt("a@x.test").code == 554)
            #expect(try await server.store.queue().isEmpty)
        }
    }
}
