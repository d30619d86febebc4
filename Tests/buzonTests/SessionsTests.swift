import MailTesting
import Testing

@testable import Store
@testable import buzon

private func message(_ subject: String) -> [UInt8] { [UInt8]("Subject: \(subject)\r\n\r\nhola\r\n") }

/// Sessions beside one another.
@Suite struct SessionsTests {
    /// RFC 2177: told while it idles, without asking.
    @Test func idleWakesOnDelivery() async throws {
        try await ServedAppliance.run { served in
            let imap = try served.imap()
            try imap.select("INBOX")
            let tag = try imap.idle()
            let smtp = try served.smtpGreeted()
            for number in 1...3 {
                #expect(try smtp.submit(from: "", to: [ServedAppliance.user], message: message("\(number)")).code == 250)
                var reply = try imap.nextReply()
                while reply.name != "EXISTS" { reply = try imap.nextReply() }
                #expect(reply.number == number)
            }
            #expect(try imap.done(tag).isOK)
            try imap.logout()
        }
    }

    @Test func twoSessionsSeeEachOthersFlagsAndExpunges() async throws {
        try await ServedAppliance.run { served in
            let one = try served.imap()
            for number in 1...4 { try one.append(message("\(number)"), to: "INBOX") }
            let other = try served.imap()
            #expect(try one.select("INBOX") == 4)
            #expect(try other.select("INBOX") == 4)

            try one.succeed("STORE 2 +FLAGS (\\Flagged $Label)")
            let seen = try other.succeed("NOOP").replies("FETCH")
            #expect(seen.map(\.number) == [2])
            #expect(seen.first.map { "\($0)".contains("\\Flagged") && "\($0)".contains("$Label") } == true)

            // While it idles, it is told at once.
            let tag = try other.idle()
            try one.succeed("STORE 3 +FLAGS.SILENT (\\Deleted)")
            #expect(try other.nextReply().name == "FETCH")
            try one.succeed("EXPUNGE")
            var reply = try other.nextReply()
            while reply.name != "EXPUNGE" { reply = try other.nextReply() }
            #expect(reply.number == 3)
            #expect(try other.done(tag).isOK)

            // RFC 3501 §7.4.1: no EXPUNGE while FETCH, STORE or SEARCH is answered.
            try one.succeed("STORE 1 +FLAGS.SILENT (\\Deleted)")
            try one.succeed("EXPUNGE")
            let fetched = try other.command("FETCH 1:3 UID")
            #expect(fetched.replies("EXPUNGE").isEmpty)
            #expect(try other.succeed("NOOP").replies("EXPUNGE").map(\.number) == [1])
            #expect(try other.succeed("FETCH 1:* UID").replies("FETCH").count == 2)
            try one.logout()
            try other.logout()
        }
    }

    /// A mailbox that POP3 empties while IMAP looks at it.
    @Test func popDeletesAreSeenInIMAP() async throws {
        try await ServedAppliance.run { served in
            let imap = try served.imap()
            for number in 1...3 { try imap.append(message("\(number)"), to: "INBOX") }
            try imap.select("INBOX")
            let pop3 = try served.pop3()
            let ids = try pop3.uniqueIDs()
            try pop3.succeed("DELE 2")
            // RFC 1939 §6: only QUIT removes.
            #expect(try imap.succeed("NOOP").replies("EXPUNGE").isEmpty)
            try pop3.quit()
            #expect(try imap.succeed("NOOP").replies("EXPUNGE").map(\.number) == [2])
            let again = try served.pop3()
            #expect(try again.uniqueIDs() == [1: ids[1], 2: ids[3]])
        }
    }

    /// RFC 1939 §4, RFC 2449 §8.1.2.
    @Test func theMaildropIsOneSessionsAlone() async throws {
        try await ServedAppliance.run { served in
            let first = try served.pop3()
            let second = try POP3Client(port: served.port("pop3"))
            let refused = try second.login(ServedAppliance.user, ServedAppliance.password)
            #expect(!refused.isOK && refused.text.hasPrefix("[IN-USE]"))
            // Another user's is another maildrop.
            #expect(try served.pop3(ServedAppliance.other).stat().messages == 0)
            try first.quit()
            #expect(try second.login(ServedAppliance.user, ServedAppliance.password).isOK)
            // A connection that breaks lets it go, too.
            second.connection.close()
            var isFree = false
            for _ in 0..<500 where !isFree {
                let third = try POP3Client(port: served.port("pop3"))
                isFree = try third.login(ServedAppliance.user, ServedAppliance.password).isOK
                third.connection.close()
                if !isFree { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(isFree)
        }
    }

    /// RFC 2920: everything in one write, two messages, and each answer in its place.
    @Test func aPipelinedConversation() async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtp()
            try smtp.connection.send(
                [UInt8](
                    "EHLO client.test\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<nadie@virtual.test>\r\nRCPT TO:<\(ServedAppliance.user)>\r\nDATA\r\n"
                        + "Subject: 1\r\n\r\n..\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<\(ServedAppliance.user)>\r\nBDAT 14\r\nSubject: 2\r\n\r\n"
                        + "BDAT 6 LAST\r\nhola\r\nNOOP\r\nQUIT\r\n"))
            var codes: [Int] = []
            for _ in 0..<12 { codes.append(try smtp.readReply().code) }
            #expect(codes == [250, 250, 550, 250, 354, 250, 250, 250, 250, 250, 250, 221])
            #expect(try smtp.connection.readToEnd().isEmpty)
            let imap = try served.imap()
            try imap.connection.send(
                [UInt8]("a SELECT INBOX\r\nb FETCH 1 BODY[TEXT]\r\nc FETCH 2 BODY[TEXT]\r\nd STATUS Sent (MESSAGES)\r\ne LOGOUT\r\n"))
            #expect(try imap.completion(of: "a").isOK)
            #expect(try imap.completion(of: "b").replies("FETCH").first?.description.contains(".\\x0D\\x0A") == true)
            #expect(try imap.completion(of: "c").replies("FETCH").first?.description.contains("hola") == true)
            #expect(try imap.completion(of: "d").replies("STATUS").count == 1)
            #expect(try imap.completion(of: "e").isOK)
        }
    }

    /// What the stopping server promised, it keeps: a message on its way in is taken to its end.
    @Test func aMessageOnItsWayInIsFinishedAtShutdown() async throws {
        try await ServedAppliance.run(stops: false) { served in
            let smtp = try served.smtpGreeted()
            try smtp.expect(250, smtp.command("MAIL FROM:<a@example.com>"))
            try smtp.expect(250, smtp.command("RCPT TO:<\(ServedAppliance.user)>"))
            try smtp.expect(354, smtp.command("DATA"))
            try smtp.connection.send([UInt8]("Subject: last\r\n\r\nfirst half\r\n"))
            let idle = try served.imap()
            let pop3 = try served.pop3()
            try pop3.succeed("NOOP")
            await served.open.stop()

            // Those who are not in the middle of something are told, and closed.
            #expect(try idle.nextReply().name == "BYE")
            #expect(try idle.connection.readToEnd().isEmpty)
            #expect(try pop3.readReply().text.hasPrefix("[SYS/TEMP]"))
            #expect(try pop3.connection.readToEnd().isEmpty)
            // Nobody else is let in.
            #expect(throws: ClientError.self) { try served.imap() }

            try smtp.connection.send([UInt8]("second half\r\n.\r\n"))
            #expect(try smtp.readReply().code == 250)
            // RFC 5321 §3.8.
            #expect(try smtp.readReply().code == 421)
            #expect(try smtp.connection.readToEnd().isEmpty)
        } after: { directory in
            let store = try await MailStore.open(directory: directory)
            #expect(try await store.user(ServedAppliance.user)?.messages == 1)
            await store.close()
        }
    }

    @Test func oneConnectionTooMany() async throws {
        try await ServedAppliance.run {
            $0.connectionCap = 3
        } _: { served in
            let three = try (0..<3).map { _ in try served.smtp() }
            #expect(three.allSatisfy { $0.greeting.code == 220 })
            let fourth = try served.smtp()
            #expect(fourth.greeting.code == 421)
            #expect(try fourth.connection.readToEnd().isEmpty)
            // Each protocol counts for itself.
            #expect(try served.imap().greeting.isOK)
            try three[0].quit()
            var isFree = false
            for _ in 0..<500 where !isFree {
                isFree = try served.smtp().greeting.code == 220
                if !isFree { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(isFree)
        }
    }
}
