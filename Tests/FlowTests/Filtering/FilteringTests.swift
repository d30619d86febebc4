import Filter
import Mail
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

private let content = [UInt8]("From: Ana <ana@mi.dominio>\r\nSubject: hola\r\n\r\nCuerpo\r\n")
private let luis = SubmittingServer.luis

@Suite(.serialized) struct FilteringTests {
    private func trace(_ server: SubmittingServer, _ event: String, _ wanted: String) async throws -> [Reason] {
        for _ in 0..<40 {
            let found = try await server.store.trace(wanted).filter { $0.event == event }.map { Reason(stored: $0.text) }
            if !found.isEmpty { return found }
            try await Task.sleep(for: .milliseconds(25))
        }
        return []
    }

    /// What is looked for is what some recipient wants.
    @Test func theOrderIsTheUnion() async throws {
        let inspector = FixedInspector.clean
        try await SubmittingServer.run(inspector: inspector) { server in
            try await server.store.set(.bypassVirusChecks, to: "yes", for: .server)
            try await server.store.set(.bypassBannedChecks, to: "yes", for: .user(luis))
            let reception = server.reception(nil)
            #expect(try await reception.submit(from: "a@x.test", to: [luis], content).code == 250)
            #expect(inspector.orders.withLock { $0.isEmpty })
            #expect(try await reception.submit(from: "a@x.test", to: [luis, SubmittingServer.ana], content).code == 250)
            let first = inspector.orders.withLock { $0.first }
            #expect(first?.virus == false && first?.bannedNames == [Policy.standard.bannedNames])
            try await server.store.set(.bypassVirusChecks, to: "no", for: .user(luis))
            #expect(try await reception.submit(from: "a@x.test", to: [luis], content).code == 250)
            let last = inspector.orders.withLock { $0.last }
            #expect(last == InspectionOrder(virus: true))
        }
    }

    @Test func theFieldsOfACleanMessage() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            let message = try #require(try await server.inbox(luis).first).text
            #expect(message.contains("\r\nX-Virus-Scanned: Buzon at mail.host\r\n"))
            let spam = "X-Spam-Flag: NO\r\nX-Spam-Score: 0\r\nX-Spam-Status: No, score=0\r\n\ttagged_above=-1000 required=5\r\n"
            #expect(message.contains("\r\n\(spam)"))
            #expect(!message.contains("Alert") && !message.contains("Quarantine"))
        }
    }

    /// Forged fields go, whatever their case, also where there is nothing else to change; the stored original keeps them.
    @Test func forgedFields() async throws {
        let forged = """
            X-Spam-Status: No, score=-9\r
            Subject: uno\r
            x-virus-SCANNED: yes\r
             and more\r
            X-Quarantine-ID: <1>\r
            X-Spammer-Tale: stays\r
            X-Buzon-Alert: none\r
            X-Amavis-Alert: none\r
            X-SPAM-Whatever : 1\r
            From: x@y.test\r
            \r
            X-Spam-Flag: body\r

            """
        try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
            _ = try await server.store.changeForwarding("dos@mi.dominio", { _ in [luis, "lejos@b.test"] })
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: ["dos@mi.dominio"], [UInt8](forged.utf8)).code == 250)
            let message = try #require(try await server.inbox(luis).first).text
            #expect(message.hasSuffix("Subject: uno\r\nX-Spammer-Tale: stays\r\nFrom: x@y.test\r\n\r\nX-Spam-Flag: body\r\n"))
            #expect(message.split(separator: "X-Virus-Scanned", omittingEmptySubsequences: false).count == 2)
            #expect(!message.lowercased().contains("score=-9") && !message.contains("none"))
            // What goes on is the untouched original.
            let queued = try #require(try await server.store.queue().first)
            #expect(queued.size > forged.utf8.count)
        }
    }

    /// Too deep for the index: the message is stored without them, and stays a whole one.
    @Test func forgedFieldsFarDown() async throws {
        let filler = String(repeating: "X-Filler: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", count: 7_000)
        let text = "\(filler)X-Spam-Flag: NO\r\nSubject: hola\r\n\r\nCuerpo\r\n"
        try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
            let to = [luis, SubmittingServer.ana, SubmittingServer.administrator]
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: to, [UInt8](text.utf8)).code == 250)
            let message = try #require(try await server.inbox(luis).first).text
            #expect(message.hasSuffix("y\r\nSubject: hola\r\n\r\nCuerpo\r\n") && message.split(separator: "X-Spam-Flag").count == 2)
            let id = try #require(try await server.store.user(luis)?.id)
            let box = try await server.store.status(id, "INBOX").id
            let row = try #require(try await server.store.messages(box, UIDSet(1...1), [.envelope, .body]).first)
            #expect(row.body.prefix.count < 2_000 && row.body.hidden == nil)
            #expect(String(decoding: row.envelope, as: UTF8.self).contains("\"hola\""))
        }
    }

    @Test(arguments: [
        (4.999, false, "hola"), (5.0, true, "***SPAM*** hola"), (9.9, true, "***SPAM*** hola"), (10, true, "***SPAM*** hola"),
    ])
    func spamIsTagged(points: Double, isSpam: Bool, subject: String) async throws {
        try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
            let sender = try #require(SenderPattern("a@x.test"))
            try await server.store.set(.points(try #require(Points("\(points)"))), of: sender, for: .server)
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            let message = try #require(try await server.inbox(luis).first).text
            #expect(message.contains("X-Spam-Flag: \(isSpam ? "YES" : "NO")\r\nX-Spam-Score: \(FilterFields.text(points))\r\n"))
            #expect(message.contains("\r\nSubject: \(subject)\r\n") && message.split(separator: "Subject:").count == 2)
            // Why it has a tag.
            let why = try await trace(server, "delivered", luis).map(\.cause)
            #expect(why == [isSpam ? Reason("trace.objection.spam", ["names": try #require(Points("\(points)")).description]) : nil])
            // ENVELOPE tells what the reader sees.
            let id = try #require(try await server.store.user(luis)?.id)
            let box = try await server.store.status(id, "INBOX").id
            let row = try #require(try await server.store.messages(box, UIDSet(1...1), [.envelope]).first)
            #expect(String(decoding: row.envelope, as: UTF8.self).contains("\"\(subject)\""))
        }
    }

    @Test func spamBeyondTheKillLevel() async throws {
        for (destiny, code) in [("reject", 554), ("discard", 250), ("junk", 250)] {
            try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
                try await server.store.set(.finalSpamDestiny, to: destiny, for: .server)
                try await server.store.set(.points(try #require(Points("10"))), of: try #require(SenderPattern("x.test")), for: .server)
                #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == code)
                #expect(try await server.inbox(luis).isEmpty)
                let junk = try await server.messages(of: luis, in: "Junk").map(\.text)
                #expect(junk.count == (destiny == "junk" ? 1 : 0) && junk.allSatisfy { $0.contains("Subject: ***SPAM*** hola") })
                // White wins over points, black needs none.
                try await server.store.set(.white, of: try #require(SenderPattern("b@x.test")), for: .user(luis))
                #expect(try await server.reception(nil).submit(from: "b@x.test", to: [luis], content).code == 250)
                #expect(try await server.inbox(luis).count == 1)
                try await server.store.set(.black, of: try #require(SenderPattern("c@z.test")), for: .user(luis))
                #expect(try await server.reception(nil).submit(from: "c@z.test", to: [luis], content).code == code)
                #expect(try await server.inbox(luis).count == 1)
                guard destiny == "junk" else { return }
                let causes = try await trace(server, "delivered", luis).map(\.cause?.key)
                #expect(causes == ["trace.objection.spam", nil, "trace.objection.black"])
            }
        }
    }

    /// Who finds a virus in Junk, since he wants it so, is told why it is there; who wants it among the others is told nothing.
    @Test func whyItIsInJunk() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: "junk", for: .user(luis))
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .user(SubmittingServer.ana))
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis, SubmittingServer.ana], content).code == 250)
            let reasons = try await trace(server, "delivered", luis) + (try await trace(server, "delivered", SubmittingServer.ana))
            #expect(reasons.map(\.cause) == [Reason("trace.objection.virus", ["names": "Eicar-Test-Signature"]), nil])
            #expect(reasons.allSatisfy { $0.key == "trace.delivered" })
        }
    }

    /// A list of white senders saves nobody from a virus.
    @Test func virusesAreNoMatterOfOpinion() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.white, of: try #require(SenderPattern("a@x.test")), for: .server)
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            #expect(try await server.inbox(luis).isEmpty)
            #expect(try await server.store.quarantine().map(\.category) == ["virus"])
        }
    }

    @Test func aVirusThatIsLetPassIsNamed() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .server)
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            let message = try #require(try await server.inbox(luis).first).text
            #expect(message.contains("\r\nX-Buzon-Alert: INFECTED, message contains virus: Eicar-Test-Signature\r\n"))
        }
    }

    @Test func whileNothingCanScan() async throws {
        try await SubmittingServer.run(inspector: FixedInspector { _ in Inspection(virus: .unavailable("scan.slow")) }) { server in
            let reception = server.reception(nil)
            #expect(try await reception.submit(from: "a@x.test", to: [luis], content).code == 451)
            #expect(try await server.inbox(luis).isEmpty)
            #expect(try await trace(server, "refused", luis).map(\.key) == ["trace.unscanned"])
            try await server.store.set(.unscannedMail, to: "pass")
            #expect(try await reception.submit(from: "a@x.test", to: [luis], content).code == 250)
            let message = try #require(try await server.inbox(luis).first).text
            #expect(!message.contains("X-Virus-Scanned"))
            // Who asks for no scan is not kept waiting for one.
            try await server.store.set(.unscannedMail, to: "wait")
            try await server.store.set(.bypassVirusChecks, to: "yes", for: .user(luis))
            try await server.store.set(.bypassBannedChecks, to: "yes", for: .user(luis))
            #expect(try await reception.submit(from: "a@x.test", to: [luis], content).code == 250)
        }
    }

    /// A check that never ends: the sender is told to come back once all checks' time is over.
    @Test func aCheckThatHangs() async throws {
        let inspector = FixedInspector { _ in
            try? await Task.sleep(for: .seconds(60))
            return Inspection(virus: .clean)
        }
        try await SubmittingServer.run(inspector: inspector) { server in
            try await server.store.set(.filterSeconds, to: "5")
            let start = ContinuousClock.now
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 451)
            #expect(ContinuousClock.now - start < .seconds(30))
            // Of names alone it is a limit, which policy treats.
            try await server.store.set(.bypassVirusChecks, to: "yes", for: .server)
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            #expect(try await server.store.quarantine(luis).map(\.category) == ["limit"])
        }
    }

    /// Each check has its line, also for a message that is refused, under one queue id.
    @Test func theTrace() async throws {
        let found = Inspection(
            virus: .clean, banned: [Policy.standard.bannedNames: [.init(part: "a.exe", rule: ".exe")]], virusMilliseconds: 4,
            namesMilliseconds: 2)
        try await SubmittingServer.run(inspector: FixedInspector { _ in found }) { server in
            let named = [UInt8]("Message-ID: <1@x.test>\r\n") + content
            let answer = try await server.reception(nil).submit(from: "a@x.test", to: [luis], named)
            #expect(answer.code == 554)
            guard case .refused(let reply) = answer else { return }
            #expect(reply.lines.first?.contains("a.exe (.exe)") == true)
            let refusal = try #require(try await trace(server, "refused", luis).first)
            #expect(refusal.key == "trace.objection.banned")
            #expect(try await trace(server, "refused", "1@x.test") == [refusal])
            let id = try #require(try await server.store.trace(luis).last?.queueID)
            #expect(!id.isEmpty)
            let checks = try await server.store.trace(id).filter { $0.event == "checked" }.map { Reason(stored: $0.text).key }
            #expect(checks == ["trace.check.virus.clean", "trace.check.names.banned", "trace.check.spam"])
            #expect(try await server.store.quarantine(id).first?.recipients.map(\.fate) == ["reject"])
        }
    }

    /// Released, a message is what it would have been, with a field that says so.
    @Test func released() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            let entry = try #require(try await server.store.quarantine().first)
            #expect(entry.from == "Ana <ana@mi.dominio>" && entry.subject == "hola")
            _ = try await QuarantineRelease(
                entry: entry, recipients: entry.recipients, now: 1_795_780_900, zone: { _ in 60 }
            ).carryOut(server.store)
            let message = try #require(try await server.inbox(luis).first).text
            #expect(message.hasPrefix("X-Quarantine-Release: <\(entry.queueID)>; Fri, 27 Nov 2026"))
            #expect(message.contains("Return-Path: <a@x.test>\r\nDelivered-To: luis@mi.dominio\r\nX-Quarantine-ID: <\(entry.queueID)>\r\n"))
            #expect(message.hasSuffix(String(decoding: content, as: UTF8.self)))
            #expect(try await server.store.trace(luis).contains { $0.event == "released" })
        }
    }

    /// One message for all that came, and not more than one an hour.
    @Test func theAdministratorIsTold() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            let notice = QuarantineNotice(server.context)
            func told() async throws -> [String] { try await server.inbox(SubmittingServer.administrator).map(\.text) }
            for _ in 0..<3 { _ = try await server.reception(nil).submit(from: "a@x.test", to: [luis], content) }
            await notice.tell()
            #expect(try await told().isEmpty)
            // Of what came before he wanted to hear of it he does not.
            try await server.store.set(.quarantineNotice, to: "virus")
            await notice.tell()
            #expect(try await told().isEmpty)
            for _ in 0..<3 { _ = try await server.reception(nil).submit(from: "a@x.test", to: [luis], content) }
            let entry = try #require(try await server.store.quarantine().first)
            var release = QuarantineRelease(entry: entry, recipients: [], now: 7, zone: { _ in 0 })
            _ = try await release.add(Address(parsing: SubmittingServer.ana, allowUTF8: true), hostname: "x", in: server.store)
            #expect(try await release.carryOut(server.store).destinations == [SubmittingServer.ana])
            await notice.tell()
            await notice.tell()
            let first = try await told()
            #expect(first.count == 1 && first[0].contains("notice.quarantine.what auto 3"))
            #expect(first[0].replacing("=\r\n", with: "").split(separator: luis).count == 4, "\(first)")
            _ = try await server.reception(nil).submit(from: "a@x.test", to: [luis], content)
            await notice.tell()
            #expect(try await told().count == 1)
            server.now.withLock { $0 += 3_601 }
            await notice.tell()
            #expect(try await told().count == 2)
            server.now.withLock { $0 += 3_601 }
            await notice.tell()
            #expect(try await told().count == 2)
        }
    }

    /// Who wants no check at all gets his mail as it came, forged fields included; who wants one does not see them.
    @Test func nobodyWantsAnything() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
            for key in [PolicyKey.bypassVirusChecks, .bypassBannedChecks, .bypassSpamChecks] {
                try await server.store.set(key, to: "yes", for: .user(luis))
            }
            let forged = [UInt8]("X-Spam-Flag: NO\r\n".utf8) + content
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], forged).code == 250)
            #expect(try #require(try await server.inbox(luis).first).text.hasSuffix(String(decoding: forged, as: UTF8.self)))
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [SubmittingServer.ana], forged).code == 250)
            let seen = try #require(try await server.inbox(SubmittingServer.ana).first).text
            #expect(seen.hasSuffix("\r\n" + String(decoding: content, as: UTF8.self)) && seen.split(separator: "X-Spam-Flag").count == 2)
        }
    }

    /// The same recipients ask the same, in whatever order their policies are gathered: of two equal orders one is in the cache.
    @Test func ordersAreSorted() async throws {
        let inspector = FixedInspector.clean
        try await SubmittingServer.run(inspector: inspector) { server in
            let users = [luis, SubmittingServer.ana, SubmittingServer.administrator]
            for (user, list) in zip(users, [".c", ".a", ".b"]) { try await server.store.set(.bannedNames, to: list, for: .user(user)) }
            for count in [3, 3, 3, 3] {
                #expect(
                    try await server.reception(nil).submit(from: "a@x.test", to: Array(users.shuffled().prefix(count)), content).code == 250
                )
            }
            #expect(inspector.orders.withLock { $0.map(\.bannedNames) } == Array(repeating: [".a", ".b", ".c"], count: 4))
        }
    }

    /// A scan that ran out of time says nothing of the rest: neither the trace nor the message calls it clean.
    @Test func aScanThatRanOutOfTime() async throws {
        let inspector = FixedInspector { _ in Inspection(virus: .clean, limits: ["time"]) }
        try await SubmittingServer.run(inspector: inspector) { server in
            try await server.store.set(.finalLimitDestiny, to: "pass", for: .server)
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            let checks = try await trace(server, "checked", try #require(try await server.store.trace(luis).last?.queueID))
            #expect(
                checks.map(\.key).prefix(1) == ["trace.check.virus.unavailable"] && !checks.map(\.key).contains("trace.check.virus.clean"))
            let message = try #require(try await server.inbox(luis).first).text
            #expect(message.contains("UNCHECKED, limits reached: time") && !message.contains("X-Virus-Scanned"))
        }
    }

    /// Mail is taken while only the test file is known, and called neither clean nor scanned.
    @Test func onlyTheTestFileIsKnown() async throws {
        let inspector = FixedInspector { _ in Inspection(virus: .clean, knewOnlyTest: true) }
        try await SubmittingServer.run(inspector: inspector) { server in
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis], content).code == 250)
            let checks = try await trace(server, "checked", try #require(try await server.store.trace(luis).last?.queueID))
            #expect(checks.map(\.key).contains("trace.check.virus.test") && !checks.map(\.key).contains("trace.check.virus.clean"))
            #expect(try #require(try await server.inbox(luis).first).text.contains("X-Virus-Scanned") == false)
        }
    }

    /// Of several objections the gravest gives the quarantine its category; each reason is told once, and no reply has more than ASCII.
    @Test func severalObjections() async throws {
        let found = Inspection(
            virus: .infected(["Eicar"]), banned: [Policy.standard.bannedNames: [.init(part: "año › b.exe", rule: ".exe")]])
        try await SubmittingServer.run(inspector: FixedInspector { _ in found }) { server in
            for user in [luis, SubmittingServer.ana] { try await server.store.set(.finalVirusDestiny, to: "pass", for: .user(user)) }
            let users = [SubmittingServer.administrator, luis, SubmittingServer.ana]
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: users, content).code == 250)
            let entry = try #require(try await server.store.quarantine().first)
            #expect(
                entry.category == "virus"
                    && entry.reasons.map { Reason(stored: $0).key } == ["trace.objection.virus", "trace.objection.banned"])
            #expect(entry.recipients.map(\.fate) == ["discard", "quarantine", "quarantine"])
            guard case .refused(let reply) = try await server.reception(nil).submit(from: "a@x.test", to: [luis], content) else {
                Issue.record("not refused")
                return
            }
            let line = try #require(reply.lines.first)
            #expect(line.contains(": a?o > b.exe (.exe) (") && line.unicodeScalars.allSatisfy { 0x20..<0x7F ~= $0.value })
        }
    }

    /// Who asked for news of viruses hears of nothing else.
    @Test func onlyViruses() async throws {
        let found = Inspection(virus: .clean, banned: [Policy.standard.bannedNames: [.init(part: "a.exe", rule: ".exe")]])
        try await SubmittingServer.run(inspector: FixedInspector { _ in found }) { server in
            _ = try await server.reception(nil).submit(from: "a@x.test", to: [luis], content)
            #expect(try await server.store.quarantine().map(\.category) == ["banned"])
            try await server.store.set(.quarantineNotice, to: "virus")
            await QuarantineNotice(server.context).tell()
            #expect(try await server.inbox(SubmittingServer.administrator).isEmpty)
            try await server.store.set(.quarantineNotice, to: "all")
            await QuarantineNotice(server.context).tell()
            #expect(try await server.inbox(SubmittingServer.administrator).count == 1)
        }
    }
}
