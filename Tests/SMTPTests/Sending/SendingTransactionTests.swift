import Dialogue
import Testing

@testable import SMTP

@Suite struct SendingTransactionTests {
    static let accepted = RecipientOutcome.accepted(Reply(250, "2.0.0", "Queued as 1"), relaysDSN: false)
    static let plain = "250 mx.example"

    @Test(arguments: cuts, [true, false]) func severalMessages(_ cut: Int, _ isPipelined: Bool) {
        let server = ScriptedServer(ehlo: isPipelined ? "250-mx\n250 PIPELINING" : Self.plain)
        let course = server.converse([(.to("a", "b"), "Subject: x\r\n\r\n.dot\r\n"), (.to("c"), "y")], cut: cut)
        #expect(
            course.lines == [
                "EHLO me.example", "MAIL FROM:<s@me.example>", "RCPT TO:<a@dest.example>", "RCPT TO:<b@dest.example>", "DATA",
                "MAIL FROM:<s@me.example>", "RCPT TO:<c@dest.example>", "DATA", "QUIT",
            ])
        #expect(course.contents == ["Subject: x\r\n\r\n..dot\r\n.\r\n", "y\r\n.\r\n"])
        #expect(course.outcomes == [[Self.accepted, Self.accepted], [Self.accepted]])
    }

    @Test(arguments: cuts, [true, false]) func someRecipientsAreRefused(_ cut: Int, _ isPipelined: Bool) {
        let server = ScriptedServer(
            [
                ("RCPT TO:<b", "550-5.1.1 No such\n550 5.1.1 user"), ("RCPT TO:<c", "450 4.2.1 Later"),
                ("RCPT TO:<d", "552 Too many"),
            ], ehlo: isPipelined ? "250-mx\n250 PIPELINING" : Self.plain)
        let course = server.converse([(.to("a", "b", "c", "d"), "x\r\n")], cut: cut)
        #expect(
            course.outcomes == [
                [
                    Self.accepted, .refused(Reply(550, "5.1.1", lines: ["No such", "user"]), .recipient),
                    .refused(Reply(450, "4.2.1", "Later"), .recipient), .refused(Reply(452, "4.5.3", "Too many"), .recipient),
                ]
            ])
    }

    @Test(arguments: cuts) func nobodyIsLeft(_ cut: Int) {
        let no = RecipientOutcome.refused(Reply(550, "5.1.1", "No"), .recipient)
        // Step by step: no DATA, and RSET before the next one.
        var server = ScriptedServer([("RCPT", "550 5.1.1 No"), ("RCPT", "550 5.1.1 No")], ehlo: Self.plain)
        var course = server.converse([(.to("a", "b"), "x\r\n"), (.to("c"), "y\r\n")], cut: cut)
        #expect(course.outcomes == [[no, no], [Self.accepted]])
        #expect(!course.lines[..<5].contains("DATA") && course.lines[4] == "RSET")
        #expect(course.contents == ["y\r\n.\r\n"])
        // Pipelined, and the server says 354 all the same: a lone dot.
        server = ScriptedServer([("RCPT", "550 5.1.1 No")], end: "554 5.5.1 No valid recipients")
        course = server.converse([(.to("a"), "x\r\n")], cut: cut)
        #expect(course.outcomes == [[no]])
        #expect(course.contents == [".\r\n"])
        #expect(course.lines.last == "QUIT")
        // Pipelined, and it does not.
        server = ScriptedServer([("RCPT", "550 5.1.1 No"), ("DATA", "554 5.5.1 Nobody")])
        course = server.converse([(.to("a"), "x\r\n"), (.to("b"), "y\r\n")], cut: cut)
        #expect(course.outcomes == [[no], [Self.accepted]])
        #expect(course.lines[4] == "RSET")
    }

    @Test(arguments: cuts, [true, false]) func theSenderIsRefused(_ cut: Int, _ isPipelined: Bool) {
        let server = ScriptedServer(
            [("MAIL", "550 5.7.1 Not you")]
                + (isPipelined ? [("RCPT", "503 5.5.1 MAIL first"), ("RCPT", "250 yes"), ("DATA", "503 5.5.1 RCPT first")] : []),
            ehlo: isPipelined ? "250-mx\n250 PIPELINING" : Self.plain)
        let course = server.converse([(.to("a", "b"), "x\r\n"), (.to("c"), "x\r\n")], cut: cut)
        let no = RecipientOutcome.refused(Reply(550, "5.7.1", "Not you"), .mail)
        #expect(course.outcomes == [[no, no], [Self.accepted]])
        #expect(course.contents.count == 1)
    }

    @Test(arguments: [true, false]) func dataAndContentAreRefused(_ isPipelined: Bool) {
        let ehlo = isPipelined ? "250-mx\n250 PIPELINING" : Self.plain
        var course = ScriptedServer([("DATA", "451 4.3.0 Full")], ehlo: ehlo).converse([(.to("a"), "x"), (.to("a"), "x")])
        #expect(course.outcomes == [[.refused(Reply(451, "4.3.0", "Full"), .data)], [Self.accepted]])
        #expect(course.lines.contains("RSET"))
        course = ScriptedServer(ehlo: ehlo, end: "550 5.7.1 Spam").converse([(.to("a", "b"), "x"), (.to("a"), "x")])
        let spam = RecipientOutcome.refused(Reply(550, "5.7.1", "Spam"), .content)
        #expect(course.outcomes == [[spam, spam], [spam]])
        #expect(!course.lines.contains("RSET"))
    }

    @Test(arguments: [true, false]) func theServerGoes(_ isPipelined: Bool) {
        let ehlo = isPipelined ? "250-mx\n250 PIPELINING" : Self.plain
        for (command, stage) in [("MAIL", SendingStage.mail), ("RCPT TO:<b", .recipient), ("DATA", .data)] {
            let course = ScriptedServer([("RCPT TO:<a", "550 5.1.1 No"), (command, "421 4.3.2 Bye")], ehlo: ehlo)
                .converse([(.to("a", "b", "c"), "x"), (.to("d"), "y")])
            let bye = RecipientOutcome.refused(Reply(421, "4.3.2", "Bye"), stage)
            let first = stage == .mail ? bye : .refused(Reply(550, "5.1.1", "No"), .recipient)
            #expect(course.outcomes.first == [first, bye, bye])
            #expect(course.isClosed && course.outcomes.count == 1)
        }
        let course = ScriptedServer(ehlo: ehlo, end: "421 4.3.2 Bye").converse([(.to("a"), "x")])
        #expect(course.outcomes == [[.refused(Reply(421, "4.3.2", "Bye"), .content)]])
    }

    @Test func theConversationBreaks() {
        func broken(_ kind: SendingFailure.Kind, _ stage: SendingStage, _ course: ScriptedServer.Course) -> Bool {
            guard case .broken(let failure) = course.outcomes.first?.last else { return false }
            return failure.kind == kind && failure.stage == stage && course.isClosed && course.outcomes.first?.count == 2
        }
        let messages = [(OutgoingMessage.to("a", "b"), "x")]
        #expect(broken(.closed, .mail, ScriptedServer([("MAIL", nil)], ehlo: Self.plain).converse(messages)))
        #expect(broken(.closed, .recipient, ScriptedServer([("RCPT TO:<b", nil)], ehlo: Self.plain).converse(messages)))
        #expect(broken(.closed, .data, ScriptedServer([("DATA", nil)], ehlo: Self.plain).converse(messages)))
        // Nobody knows whether it was delivered.
        #expect(broken(.closed, .content, ScriptedServer(end: nil).converse(messages)))
        #expect(broken(.garbage, .content, ScriptedServer(end: "354 what").converse(messages)))
        #expect(broken(.garbage, .data, ScriptedServer([("DATA", "250 what")]).converse(messages)))
        #expect(broken(.garbage, .mail, ScriptedServer([("MAIL", "354 what")], ehlo: Self.plain).converse(messages)))
        #expect(broken(.garbage, .recipient, ScriptedServer([("MAIL", "250 a\n250 b")], ehlo: Self.plain).converse(messages)))
        #expect(broken(.garbage, .content, ScriptedServer([("DATA", "354 a\n250 b")]).converse(messages)))
    }

    @Test func aNoInTheMiddleOfTheContent() {
        let course = ScriptedServer([("DATA", "354 a\n552 5.3.4 Too large")]).converse([(.to("a"), "x")], cut: 7)
        #expect(course.outcomes == [[.refused(Reply(552, "5.3.4", "Too large"), .content)]])
        // No dot, and no QUIT within the content.
        #expect(course.isClosed && course.contents.isEmpty && course.lines.last == "DATA")
    }

    @Test func whatComesUnaskedToAnIdleConnection() {
        let course = ScriptedServer(end: "250 2.0.0 Ok").converse([(.to("a"), "x")])
        #expect(course.outcomes.count == 1)
        let farewell = ScriptedServer([], end: "250 2.0.0 Ok\n421 4.4.2 Idle").converse([(.to("a"), "x"), (.to("b"), "y")])
        guard case .broken(let failure) = farewell.outcomes.last?.first else {
            Issue.record("\(farewell)")
            return
        }
        #expect(failure.kind == .closed)
    }

    // MARK: Parameters

    @Test func parametersAreSaidWhereTheyAreKnown() {
        var message = OutgoingMessage.to("a", size: 1_234)
        message.isEightBit = true
        message.ret = .headers
        message.envelopeID = "id+1 x"
        message.recipients[0].parameters.notify = [.failure, .delay]
        message.recipients[0].parameters.original = .init(type: "rfc822", address: "a+b@c.example")
        message.recipients.append(.init(address: "b@dest.example"))
        message.recipients[1].parameters.notify = .never
        message.recipients[1].parameters.original = .init(type: "utf-8", address: "ñ@c.example")
        let server = ScriptedServer(ehlo: "250-mx\n250-PIPELINING\n250-SIZE 0\n250-8bitmime\n250 DSN")
        var course = server.converse([(message, "x")])
        #expect(course.lines[1] == "MAIL FROM:<s@me.example> SIZE=1234 BODY=8BITMIME RET=HDRS ENVID=id+2B1+20x")
        #expect(course.lines[2] == "RCPT TO:<a@dest.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb@c.example")
        #expect(course.lines[3] == "RCPT TO:<b@dest.example> NOTIFY=NEVER ORCPT=utf-8;\\x{F1}@c.example")
        #expect(course.outcomes.first?.first == .accepted(Reply(250, "2.0.0", "Queued as 1"), relaysDSN: true))
        course = ScriptedServer().converse([(message, "x")])
        #expect(course.lines[1...3] == ["MAIL FROM:<s@me.example>", "RCPT TO:<a@dest.example>", "RCPT TO:<b@dest.example>"])
    }

    @Test func whatAHostCannotTake() {
        var utf8 = OutgoingMessage.to("a")
        utf8.recipients[0].address = "ñ@dest.example"
        var course = ScriptedServer().converse([(utf8, "x"), (.to("b"), "y")])
        guard case .unable(let reply) = course.outcomes[0][0] else {
            Issue.record("\(course)")
            return
        }
        #expect(reply.enhanced == "5.6.7" && course.outcomes[1] == [Self.accepted])
        course = ScriptedServer(ehlo: "250-mx\n250 SMTPUTF8").converse([(utf8, "x")])
        #expect(course.lines[1] == "MAIL FROM:<s@me.example> SMTPUTF8")

        var required = OutgoingMessage.to("a")
        required.requiresTLS = true
        let offering = ScriptedServer(ehlo: "250-mx\n250 REQUIRETLS")
        let implicit = SendingConfiguration(hostname: "me.example", tls: .implicit)
        #expect(offering.converse([(required, "x")]).outcomes == [[.unable(Reply(550, "5.7.30", "REQUIRETLS support required"))]])
        #expect(offering.converse(implicit, [(required, "x")], isVerified: false).contents.isEmpty)
        #expect(ScriptedServer().converse(implicit, [(required, "x")]).contents.isEmpty)
        course = offering.converse(implicit, [(required, "x")])
        #expect(course.lines[1] == "MAIL FROM:<s@me.example> REQUIRETLS" && course.contents.count == 1)
    }

    @Test func noAddressBringsACommandOfItsOwn() {
        var message = OutgoingMessage.to("a", "b")
        message.recipients[0].address = "a@x>\r\nRCPT TO:<evil@x"
        let course = ScriptedServer().converse([(message, "x")])
        #expect(course.lines.filter { $0.hasPrefix("RCPT") } == ["RCPT TO:<b@dest.example>"])
        #expect(course.outcomes == [[.unable(Reply(553, "5.1.3", "This is no address")), Self.accepted]])
        message.sender = "x\r\ny"
        #expect(ScriptedServer().converse([(message, "x")]).lines == ["EHLO me.example", "QUIT"])
        #expect(ScriptedServer().converse([(OutgoingMessage(sender: "", recipients: [], size: 0), "x")]).outcomes == [[]])
    }
}
