import Filter
import Mail
import SMTP
import Store
import Synchronization
import Testing

@testable import Flow

private let content = [UInt8]("From: Ana <ana@mi.dominio>\r\nSubject: hola\r\n\r\nCuerpo\r\n")

/// Two recipients whose policies say different things of one infected message: one answer, and each gets what his policy says.
@Suite(.serialized) struct JudgementTests {
    /// What has become of the message for one recipient.
    private enum Fate: Equatable {
        case inbox, junk, held, gone
    }

    private static let combinations = Destiny.allCases.flatMap { first in Destiny.allCases.map { (first, $0) } }

    private func fate(_ user: String, _ server: SubmittingServer) async throws -> Fate {
        if try await !server.inbox(user).filter({ $0.text.contains("Cuerpo") }).isEmpty { return .inbox }
        if try await !server.messages(of: user, in: "Junk").isEmpty { return .junk }
        let entries = try await server.store.quarantine(user)
        // What somebody waits for, not a mere copy.
        return entries.contains { $0.recipients.contains { $0.destination == user && $0.fate == "quarantine" } } ? .held : .gone
    }

    private func expected(_ destiny: Destiny, isMixed: Bool, isKnown: Bool) -> Fate {
        switch destiny {
        case .pass: .inbox
        case .junk: .junk
        case .quarantine: .held
        case .discard: .gone
        // A stranger was told that it was accepted: nothing may be lost. A login gets a report.
        case .bounce, .reject: isMixed && !isKnown ? .held : .gone
        }
    }

    @Test(arguments: combinations, [false, true])
    func everyCombination(_ destinies: (Destiny, Destiny), isKnown: Bool) async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            let users = [SubmittingServer.luis, SubmittingServer.administrator]
            for (user, destiny) in zip(users, [destinies.0, destinies.1]) {
                try await server.store.set(.finalVirusDestiny, to: destiny.rawValue, for: .user(user))
            }
            let login = isKnown ? SubmittingServer.ana : nil
            let from = isKnown ? SubmittingServer.ana : "extraño@lejos.test"
            let answer = try await server.reception(login).submit(from: from, to: users, content)
            func refuses(_ destiny: Destiny) -> Bool { destiny == .reject || destiny == .bounce && !isKnown }
            let isRefused = refuses(destinies.0) && refuses(destinies.1)
            #expect(answer.code == (isRefused ? 554 : 250))
            for (user, destiny) in zip(users, [destinies.0, destinies.1]) {
                let wanted = expected(destiny, isMixed: !isRefused, isKnown: isKnown)
                #expect(try await fate(user, server) == wanted, "\(user): \(destiny) of \(destinies)")
            }
            // A report for whom it was refused after the sender was told yes, to a login alone.
            let reports = try await server.inbox(SubmittingServer.ana).map(\.text)
            let reported = [destinies.0, destinies.1].filter { $0 == .bounce || $0 == .reject }.count
            let isReported = isKnown && !isRefused && reported > 0
            #expect(reports.count == (isReported ? 1 : 0))
            #expect(reports.allSatisfy { $0.contains("Action: failed") && !$0.contains("Cuerpo") })
            // A copy of all that somebody did not get.
            let kept = [destinies.0, destinies.1].filter { $0 != .pass && $0 != .junk }.count
            #expect(try await server.store.quarantine().flatMap(\.recipients).count == kept)
        }
    }

    /// `quarantine` off: copies of what was discarded or refused are not kept, what is held back is.
    @Test func withoutCopies() async throws {
        for (destiny, kept) in [(Destiny.discard, 0), (.reject, 0), (.quarantine, 1)] {
            try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
                try await server.store.set(.quarantine, to: "off", for: .server)
                try await server.store.set(.finalVirusDestiny, to: destiny.rawValue, for: .domain("mi.dominio"))
                let answer = try await server.reception(nil).submit(from: "a@x.test", to: [SubmittingServer.luis], content)
                #expect(answer.code == (destiny == .reject ? 554 : 250))
                #expect(try await server.store.quarantine().count == kept)
            }
        }
    }

    /// A login's message that nobody gets and nobody keeps: the report is all that is left of it.
    @Test func aReportWithoutACopy() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.quarantine, to: "off", for: .server)
            try await server.store.set(.finalVirusDestiny, to: "bounce", for: .server)
            let answer = try await server.reception(SubmittingServer.ana).submit(
                from: SubmittingServer.ana, to: [SubmittingServer.luis], content)
            #expect(answer.code == 250)
            #expect(try await server.inbox(SubmittingServer.ana).map(\.text).filter { $0.contains("Action: failed") }.count == 1)
            #expect(try await server.store.quarantine().isEmpty)
            #expect(try await server.store.trace(SubmittingServer.luis).contains { $0.event == "bounced" })
        }
    }

    /// One mailbox reached by two addresses is one copy; a forwarding elsewhere follows the domain that it was sent to.
    @Test func forwardings() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            _ = try await server.store.changeForwarding("fuera@mi.dominio", { _ in ["lejos@b.test"] })
            _ = try await server.store.changeForwarding("otro@mi.dominio", { _ in [SubmittingServer.luis] })
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .user(SubmittingServer.luis))
            let answer = try await server.reception(nil).submit(
                from: "a@x.test", to: ["fuera@mi.dominio", "otro@mi.dominio", SubmittingServer.luis], content)
            #expect(answer.code == 250)
            #expect(try await server.inbox(SubmittingServer.luis).count == 1)
            #expect(try await server.store.queue().isEmpty)
            let kept = try await server.store.quarantine().flatMap(\.recipients)
            #expect(kept.map(\.destination) == ["lejos@b.test"] && kept.map(\.fate) == ["discard"])
            // Released, it leaves.
            let entry = try #require(try await server.store.quarantine().first)
            _ = try await QuarantineRelease(entry: entry, recipients: entry.recipients, now: 7, zone: { _ in 0 }).carryOut(server.store)
            #expect(try await server.store.queue().flatMap(\.recipients).map(\.address) == ["lejos@b.test"])
        }
    }

    /// One answer stands for both: who passes gets it, though his mailbox is full, where another one's is kept.
    @Test func aFullMailboxBesideAKeptOne() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .user(SubmittingServer.luis))
            try await server.store.setQuota(SubmittingServer.luis, 10)
            let reception = server.reception(nil)
            #expect(try await reception.submit(from: "a@x.test", to: [SubmittingServer.luis, SubmittingServer.ana], content).code == 250)
            #expect(try await server.inbox(SubmittingServer.luis).count == 1)
            #expect(try await server.store.quarantine(SubmittingServer.ana).count == 1)
        }
    }

    /// Two ways to one address elsewhere, of which one lets it pass: in whatever order, it is there, once.
    @Test(arguments: [["a@mi.dominio", "b@otro.test"], ["b@otro.test", "a@mi.dominio"]])
    func twoWaysElsewhere(to: [String]) async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.addDomain("otro.test")
            for origin in to { _ = try await server.store.changeForwarding(origin, { _ in ["lejos@b.test"] }) }
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .domain("otro.test"))
            #expect(try await server.reception(nil).submit(from: "x@x.test", to: to, content).code == 250)
            #expect(try await server.store.queue().flatMap(\.recipients).map(\.address) == ["lejos@b.test"])
            #expect(try await server.store.quarantine().isEmpty)
        }
    }

    /// RFC 3461 §4.1: who does not want to hear of failures hears nothing, and nothing is lost.
    @Test func aSenderWhoWantsNoReport() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: "reject", for: .user(SubmittingServer.luis))
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .user(SubmittingServer.administrator))
            var asks = RecipientParameters()
            asks.notify = .never
            let answer = try await server.reception(SubmittingServer.ana).submit(
                from: SubmittingServer.ana, to: [SubmittingServer.luis, SubmittingServer.administrator], content, asks: asks)
            #expect(answer.code == 250)
            #expect(try await server.inbox(SubmittingServer.ana).isEmpty)
            #expect(try await server.store.quarantine(SubmittingServer.luis).first?.recipients.map(\.fate) == ["quarantine"])
        }
    }

    /// Mail that only leaves is not looked at, unless the setting says so.
    @Test func mailThatOnlyLeaves() async throws {
        let inspector = FixedInspector.infected
        try await SubmittingServer.run(inspector: inspector) { server in
            let reception = server.reception(SubmittingServer.ana)
            #expect(try await reception.submit(from: SubmittingServer.ana, to: ["lejos@b.test"], content).code == 250)
            #expect(inspector.orders.withLock { $0.isEmpty })
            #expect(try await server.store.queue().count == 1)
            try await server.store.set(.filterOutbound, to: "on")
            try await server.store.set(.finalVirusDestiny, to: "reject", for: .server)
            #expect(try await reception.submit(from: SubmittingServer.ana, to: ["lejos@b.test"], content).code == 554)
            #expect(try await server.store.queue().count == 1)
        }
    }

    /// Mail from a mailer daemon, a stranger's or a login's own: no report can be sent, so bounce acts as reject, and beside one who passes it is
    /// kept.
    @Test(arguments: [nil, SubmittingServer.ana]) func theNullSender(login: String?) async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: "bounce", for: .server)
            let reception = server.reception(login)
            #expect(try await reception.submit(from: "", to: [SubmittingServer.luis], content).code == 554)
            #expect(try await server.store.quarantine().flatMap(\.recipients).map(\.fate) == ["bounce"])
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .user(SubmittingServer.administrator))
            let both = [SubmittingServer.luis, SubmittingServer.administrator]
            #expect(try await reception.submit(from: "", to: both, content).code == 250)
            #expect(try await server.inbox(SubmittingServer.administrator).count == 1)
            #expect(try await server.inbox(SubmittingServer.ana).isEmpty)
            #expect(try await server.store.queue().isEmpty)
            #expect(try await server.store.quarantine().first?.recipients.map(\.fate) == ["quarantine"])
        }
    }

    /// One report for all who did not get it, with a line for each.
    @Test func oneReportForSeveral() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            try await server.store.set(.finalVirusDestiny, to: "bounce", for: .server)
            let to = [SubmittingServer.luis, SubmittingServer.administrator]
            #expect(try await server.reception(SubmittingServer.ana).submit(from: SubmittingServer.ana, to: to, content).code == 250)
            let reports = try await server.inbox(SubmittingServer.ana).map(\.text)
            #expect(reports.count == 1)
            let report = try #require(reports.first)
            #expect(report.split(separator: "Action: failed", omittingEmptySubsequences: false).count == 3)
            for user in to {
                #expect(report.contains("Final-Recipient: rfc822; \(user)") || report.contains("Final-Recipient: rfc822;\(user)"))
            }
            #expect(!report.contains("Cuerpo"))
        }
    }

    /// What only leaves because it is forwarded is looked at; whose domain would have it in Junk gets it, since no such mailbox is known there.
    @Test func onlyForwarded() async throws {
        try await SubmittingServer.run(inspector: FixedInspector.infected) { server in
            _ = try await server.store.changeForwarding("fuera@mi.dominio", { _ in ["lejos@b.test"] })
            let reception = server.reception(nil)
            #expect(try await reception.submit(from: "a@x.test", to: ["fuera@mi.dominio"], content).code == 250)
            #expect(try await server.store.queue().isEmpty)
            #expect(try await server.store.quarantine().count == 1)
            try await server.store.set(.finalVirusDestiny, to: "junk", for: .domain("mi.dominio"))
            #expect(try await reception.submit(from: "a@x.test", to: ["fuera@mi.dominio"], content).code == 250)
            #expect(try await server.store.queue().flatMap(\.recipients).map(\.address) == ["lejos@b.test"])
        }
    }
}
