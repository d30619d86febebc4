import Dialogue
import Mail
import SMTP
import Store
import Testing

@testable import Flow

private let whole = "Date: Fri, 27 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@client.test>\r\nFrom: Ana <ana@mi.dominio>\r\n"

/// What becomes of `content`, byte for byte; nil when it was refused.
private func submitted(_ content: String, login: String? = SubmittingServer.ana, _ server: SubmittingServer) async throws -> String? {
    let submission = Submission(context: server.context, login: login)
    let stamp = MessageStamp(queueID: "ID", date: InternalDate(seconds: 1_795_780_800, zoneMinutes: 60))
    let path = ReversePath.mailbox(try Address(parsing: "ana+x@mi.dominio", allowUTF8: true))
    switch try await submission.take(server.content([UInt8](content)), from: path, stamp) {
    case .ready(let spool): return try spool.withBytes { Array($0).text }
    case .refused: return nil
    }
}

@Suite struct SubmissionTests {
    @Test(arguments: [
        ("Bcc: a@x.test\r\n", ""), ("BCC:\r\n", ""), ("bcc : a@x.test,\r\n b@x.test,\r\n\tc@x.test\r\n", ""),
        ("Bcc:\r\n a@x.test\r\n \r\n\r\n", "\r\n"), ("Resent-Bcc: a@x.test\r\n", ""), ("RESENT-bcc:\r\n\ta@x.test\r\n", ""),
        ("X-Bcc: a@x.test\r\nBccc: b\r\nCc: c@x.test\r\n", "X-Bcc: a@x.test\r\nBccc: b\r\nCc: c@x.test\r\n"),
        ("Bcc: a@x.test\r\nTo: d@x.test\r\nBcc: b@x.test\r\nCc: c@x.test\r\nbCC: e@x.test\r\n", "To: d@x.test\r\nCc: c@x.test\r\n"),
        ("To: d@x.test\r\n Bcc: not a field\r\n", "To: d@x.test\r\n Bcc: not a field\r\n"),
        ("Bcc: a@x.test\r\n\r\nBcc: in the body\r\n", "\r\nBcc: in the body\r\n"),
        ("Bcc: =?utf-8?q?a?= <a@x.test>\r\n\r\n\r\n\r\n", "\r\n\r\n\r\n"),
        ("not a field\r\nBcc: a@x.test\r\n\r\nbody\r\n", "not a field\r\n\r\nbody\r\n"),
        // RFC 5322 §3.5: what is no field is the body, and stays it for readers that would go on looking for fields.
        ("Bcc: a@x.test\r\nbody without an empty line\r\n", "\r\nbody without an empty line\r\n"),
        ("Subject: x\r\nstray\r\nFrom: boss@x.test\r\n", "Subject: x\r\n\r\nstray\r\nFrom: boss@x.test\r\n"),
    ])
    func blindCopiesAreRemoved(_ text: String, _ left: String) async throws {
        try await SubmittingServer.run { server in
            let result = try await submitted(whole + text, server)
            #expect(result == whole + left)
        }
    }

    @Test func whatIsWholeIsLeftAsItIs() async throws {
        try await SubmittingServer.run { server in
            let spool = try server.content([UInt8](whole + "\r\nhola\r\n"))
            let submission = Submission(context: server.context, login: SubmittingServer.ana)
            let stamp = MessageStamp(queueID: "ID", date: InternalDate(seconds: 0))
            guard case .ready(let same) = try await submission.take(spool, from: .null, stamp) else {
                Issue.record("refused")
                return
            }
            #expect(same === spool)
        }
    }

    @Test func whatIsMissingIsAdded() async throws {
        try await SubmittingServer.run { server in
            let from = "From: ana+x@mi.dominio\r\n"
            let date = "Date: Fri, 27 Nov 2026 13:00:00 +0100\r\n"
            let id = "Message-ID: <ID@mail.host>\r\n"
            let table: [(String, String)] = [
                ("From: ana@mi.dominio\r\n\r\nhola\r\n", date + id + "From: ana@mi.dominio\r\n\r\nhola\r\n"),
                ("Subject: x\r\nDate: y\r\n\r\nhola\r\n", from + id + "Subject: x\r\nDate: y\r\n\r\nhola\r\n"),
                ("Message-Id: <z@z>\r\nDate:\r\n\r\n", from + date + "Message-Id: <z@z>\r\n\r\n"),
                ("hola\r\n", from + date + id + "\r\nhola\r\n"),
                ("\r\nhola\r\n", from + date + id + "\r\nhola\r\n"), ("", from + date + id + "\r\n"),
                ("From ana Fri Nov 27\r\nSubject: x\r\n\r\nhola\r\n", from + date + id + "Subject: x\r\n\r\nhola\r\n"),
            ]
            for (content, wanted) in table {
                let result = try await submitted(content, server)
                #expect(result == wanted)
            }
            // A client of `networks` may be anybody: From is its own.
            let relayed = try await submitted("Bcc: b@x.test\r\nSubject: x\r\n\r\n", login: nil, server)
            #expect(relayed == date + id + "Subject: x\r\n\r\n")
            let endless = String(repeating: "X-Field: \(String(repeating: "y", count: 900))\r\n", count: 1_200) + "Bcc: b@x.test\r\n\r\n"
            #expect(try await submitted(endless, login: nil, server) == nil)
            let malformed = try await submitted("From: a@x.test\r\nFrom: root\r\n\r\n", login: nil, server)
            #expect(malformed == date + id + "From: a@x.test\r\nFrom: root\r\n\r\n")
        }
    }

    @Test func eachAuthorMustBeTheLogins() async throws {
        try await SubmittingServer.run { server in
            _ = try await server.store.changeForwarding("ventas@mi.dominio", { _ in [SubmittingServer.ana] })
            let table: [(String, Bool)] = [
                ("From: Ana <ana@mi.dominio>, ventas@mi.dominio\r\n", true), ("From: luis@mi.dominio\r\n", false),
                ("From: ana@mi.dominio, luis@mi.dominio\r\n", false), ("From: ana@mi.dominio\r\nSender: luis@mi.dominio\r\n", false),
                ("From: ventas@mi.dominio\r\nSender: ana+yo@mi.dominio\r\n", true), ("From: jefe@banco.test\r\n", false),
                ("From: ana@mi.dominio <jefe@banco.test>\r\n", false), ("From: g: ana@mi.dominio, luis@mi.dominio;\r\n", false),
                ("From: ana@mi.dominio\r\nFrom: ana@mi.dominio\r\n", false), ("From: Ana\r\n", false),
                ("From: ana@mi.dominio\r\nReply-To: jefe@banco.test\r\n", true), ("Sender: luis@mi.dominio\r\n", false),
            ]
            for (fields, isTaken) in table {
                let result = try await submitted(fields + "\r\nhola\r\n", server)
                #expect((result != nil) == isTaken, "\(fields)")
            }
        }
    }

    @Test func theReversePathMustBeTheLogins() async throws {
        try await SubmittingServer.run { server in
            let message = [UInt8]("From: ana@mi.dominio\r\n\r\nhola\r\n")
            for (sender, code) in [
                ("ana@mi.dominio", 250), ("", 250), ("ANA+x@MI.dominio", 250), ("luis@mi.dominio", 553), ("a@x.test", 553),
            ] {
                let answer = try await server.reception(SubmittingServer.ana).submit(from: sender, to: ["fuera@x.test"], message)
                #expect(answer.code == code, "\(sender)")
                if code == 553, case .refused(let reply) = answer {
                    #expect(reply.lines == ["<\(sender)>: Sender address rejected: not owned by user ana@mi.dominio"])
                }
            }
            // Null is no way around From.
            let other = [UInt8]("From: luis@mi.dominio\r\n\r\nhola\r\n")
            let answer = try await server.reception(SubmittingServer.ana).submit(from: "", to: ["fuera@x.test"], other)
            #expect(answer == .refused(Reply(550, "5.7.1", "<luis@mi.dominio>: From or Sender not owned by user ana@mi.dominio")))
            // Without a login port 25 is as it was.
            #expect(try await server.reception(nil).submit(from: "luis@mi.dominio", to: ["fuera@x.test"], other).code == 554)
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: ["ana@mi.dominio"], other).code == 250)
            #expect(try await server.reception(nil, peer: "127.0.0.1").submit(from: "a@x.test", to: ["fuera@x.test"], other).code == 250)
            // Among `networks` a login is still held to what it owns.
            #expect(
                try await server.reception(SubmittingServer.ana, peer: "127.0.0.1").submit(from: "a@x.test", to: ["fuera@x.test"], other)
                    .code
                    == 553)
        }
    }

    @Test func strangersMailIsLeftAsItIs() async throws {
        try await SubmittingServer.run { server in
            let message = [UInt8]("Bcc: b@x.test\r\nSubject: x\r\n\r\nhola\r\n")
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: ["ana@mi.dominio"], message).code == 250)
            let stored = try #require(try await server.inbox("ana@mi.dominio").first)
            #expect(stored.text.hasSuffix("hola\r\n"))
            #expect(stored.suffix(message.count).elementsEqual(message))
            #expect(!stored.text.contains("Message-ID"))
        }
    }

    /// One transaction: the copy here, and the queue.
    @Test func whatIsSubmittedIsStoredRewritten() async throws {
        try await SubmittingServer.run { server in
            let tls = TLSFacts(version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", bits: 256)
            let body = String(repeating: "una línea\r\n", count: 20_000)
            let message = [UInt8]("From: ana@mi.dominio\r\nBcc: secreto@x.test\r\nSubject: ñ\r\n\r\n" + body)
            let reception = server.reception(SubmittingServer.ana, tls: tls)
            #expect(
                try await reception.submit(from: "ana@mi.dominio", to: ["luis@mi.dominio", "fuera@x.test"], message).code == 250)
            let stored = try #require(try await server.inbox("luis@mi.dominio").first).text
            #expect(!stored.contains("secreto"))
            #expect(stored.hasSuffix("\r\nFrom: ana@mi.dominio\r\nSubject: ñ\r\n\r\n" + body))
            #expect(
                stored.contains(
                    "([192.0.2.7])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256 bits))\r\n\tby mail.host with ESMTPSA id "))
            #expect(stored.contains("\r\nDate: Fri, 27 Nov 2026 13:00:00 +0100\r\nMessage-ID: <"))
            let queue = try await server.store.queue()
            #expect(queue.map { $0.recipients.map(\.address) } == [["fuera@x.test"]])
        }
    }

    /// Far beyond what a spool holds in memory.
    @Test func aLargeMessageGoesThrough() async throws {
        try await SubmittingServer.run { server in
            var message = [UInt8]("From: ana@mi.dominio\r\nBcc: a@x.test\r\n\r\n")
            let line = [UInt8](repeating: UInt8(ascii: "x"), count: 998) + [13, 10]
            for _ in 0..<12_000 { message += line }
            #expect(try await server.reception(SubmittingServer.ana).submit(from: "", to: ["luis@mi.dominio"], message).code == 250)
            let stored = try #require(try await server.inbox("luis@mi.dominio").first)
            #expect(stored.suffix(line.count * 12_000 + 2).elementsEqual(message.suffix(line.count * 12_000 + 2)))
            #expect(!Array(stored.prefix(2_000)).text.contains("Bcc"))
        }
    }

    /// RFC 3207 §4.2.
    @Test func aLoginInTheClearIsForgottenUnderTLS() async throws {
        try await SubmittingServer.run { server in
            let reception = server.reception(SubmittingServer.ana)
            let before = [try await reception.mail(SubmittingServer.ana), try await reception.rcpt("x@y.test")]
            reception.secured(TLSFacts(version: "TLSv1.3", cipher: "", bits: 256))
            let after = [try await reception.mail(SubmittingServer.luis), try await reception.rcpt("x@y.test")]
            #expect(before.map(\.code) == [250, 250])
            #expect(after.map(\.code) == [250, 554])
        }
    }

    /// The clock counts whole seconds, the last of which may have begun long ago.
    @Test func nobodyIsHeldForLessThanHeAsked() {
        #expect(MailParameters.Hold.forSeconds(5).due(100) == 106)
        #expect(MailParameters.Hold.forSeconds(0).due(100) == 0)
        #expect(MailParameters.Hold.until(105).due(100) == 105)
        #expect(MailParameters.Hold.until(100).due(100) == 0)
    }

    @Test func aHeldMessageWaitsForEverybody() async throws {
        try await SubmittingServer.run { server in
            var parameters = MailParameters()
            parameters.hold = .forSeconds(3_600)
            parameters.requiresTLS = true
            let message = [UInt8]("From: ana@mi.dominio\r\n\r\nmañana\r\n")
            let to = ["luis@mi.dominio", "fuera@x.test", "LUIS@mi.dominio"]
            #expect(
                try await server.reception(SubmittingServer.ana).submit(from: "ana@mi.dominio", to: to, message, parameters).code == 250)
            #expect(try await server.inbox("luis@mi.dominio").isEmpty)
            let queue = try await server.store.queue()
            #expect(queue.map { $0.recipients.map(\.address) } == [["luis@mi.dominio", "fuera@x.test"]])
            // A time that is over is none.
            parameters.hold = .until(1_795_780_800)
            #expect(
                try await server.reception(SubmittingServer.ana).submit(
                    from: "ana@mi.dominio", to: ["luis@mi.dominio"], message, parameters
                )
                .code == 250)
            #expect(try await server.inbox("luis@mi.dominio").count == 1)
        }
    }
}
