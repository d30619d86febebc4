import Filter
import Glibc
import Mail
import Store
import Synchronization
import Testing

@testable import Flow

private let luis = SubmittingServer.luis
private let ana = SubmittingServer.ana

@Suite(.serialized) struct RescanTests {
    /// Finds what it was taught, in what has the word `malo`.
    private final class Learner: Inspector {
        let knows = Mutex(false)
        let looks = Mutex(0)

        func inspect(_ content: any InspectedContent, _ order: InspectionOrder) async -> Inspection {
            looks.withLock { $0 += 1 }
            let isBad = (try? content.withBytes { String(decoding: $0, as: UTF8.self).contains("malo") }) ?? false
            return Inspection(virus: isBad && knows.withLock { $0 } ? .infected(["Nuevo"]) : .clean, virusMilliseconds: 1)
        }
    }

    private func message(_ word: String) -> [UInt8] { [UInt8]("From: Él <el@x.test>\r\nSubject: \(word)\r\n\r\n\(word)\r\n".utf8) }

    @Test func newSignaturesFindWhatOldOnesDidNot() async throws {
        let learner = Learner()
        let version = Mutex("1")
        try await SubmittingServer.run(inspector: learner) { server in
            server.now.withLock { $0 = Int64(time(nil)) }
            let rescan = Rescan(server.context, learner) { version.withLock { $0 } }
            await rescan.catchUp()
            for word in ["bueno", "malo", "malo otra vez"] {
                #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis, ana], message(word)).code == 250)
            }
            // Who wants such mail keeps it.
            try await server.store.set(.finalVirusDestiny, to: "pass", for: .user(ana))
            await rescan.catchUp()
            #expect(try await server.inbox(luis).count == 3)
            learner.knows.withLock { $0 = true }
            version.withLock { $0 = "2" }
            await rescan.catchUp()
            let left = try await server.inbox(luis).map(\.text)
            #expect(left.count == 2 && left[0].contains("bueno"))
            // One message for both.
            #expect(left[1].contains("Subject: notice.rescan.subject") && left[1].contains("notice.rescan.what auto 2"))
            #expect(try await server.inbox(ana).count == 3)
            let entries = try await server.store.quarantine(luis)
            #expect(entries.count == 2 && entries.allSatisfy { $0.category == "virus" && $0.from == "Él <el@x.test>" })
            #expect(entries.allSatisfy { $0.sender == "a@x.test" && $0.peer == "192.0.2.7" })
            let trace = try await server.store.trace(luis).filter { $0.event == "quarantined" }
            #expect(trace.allSatisfy { $0.sender == "a@x.test" && $0.peer == "192.0.2.7" })
            #expect(trace.map { Reason(stored: $0.text).quarantine } == entries.map(\.id).reversed())
            let lines = entries.map { "\($0.queueID): taken from \(luis) into quarantine: new signatures found a virus" }
            #expect(server.lines.withLock { $0 }.sorted() == lines.sorted())
            // One story tells that it came and that it was taken.
            let story = try await server.store.trace(entries[0].queueID).filter { $0.destination == luis }
            #expect(story.map(\.event) == ["delivered", "quarantined"])
            // Not again with the same ones.
            let looks = learner.looks.withLock { $0 }
            await rescan.catchUp()
            #expect(learner.looks.withLock { $0 } == looks)
            // It comes back as it was.
            let entry = try #require(entries.last)
            _ = try await QuarantineRelease(entry: entry, recipients: entry.recipients, now: 7, zone: { _ in 0 }).carryOut(server.store)
            let back = try #require(try await server.inbox(luis).last).text
            #expect(back.contains("Delivered-To: luis@mi.dominio\r\n") && back.hasSuffix("\r\n\r\nmalo\r\n"))
        }
    }

    /// What an administrator let out stays where it is, whatever comes later; nobody else's copy has anything of it.
    @Test func whatWasReleasedStays() async throws {
        let version = Mutex("1")
        try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
            server.now.withLock { $0 = Int64(time(nil)) }
            let learner = Learner()
            learner.knows.withLock { $0 = true }
            let rescan = Rescan(server.context, learner) { version.withLock { $0 } }
            let forged = [UInt8]("X-Quarantine-Release: <x>\r\nFrom: <el@x.test>\r\nSubject: hola\r\n\r\nmalo\r\n".utf8)
            #expect(try await server.reception(nil).submit(from: "a@x.test", to: [luis, ana], forged).code == 250)
            await rescan.catchUp()
            let entry = try #require(try await server.store.quarantine(luis).first)
            #expect(try await server.store.quarantine(ana).count == 1)
            var release = QuarantineRelease(entry: entry, recipients: entry.recipients, now: 7, zone: { _ in 0 })
            _ = try await release.add(Address(parsing: SubmittingServer.administrator, allowUTF8: true), hostname: "x", in: server.store)
            #expect(try await release.carryOut(server.store).destinations.count == 2)
            let inbox = try await server.inbox(luis).count
            // He may move it, and the entry may be gone.
            let id = try #require(try await server.store.user(luis)?.id)
            let source = try await server.store.status(id, "INBOX").id
            _ = try await server.store.copy(source, UIDSet(1...UID.max), user: id, to: "Trash", isMove: true)
            try await server.store.removeQuarantined([entry.id])
            for next in ["2", "3"] {
                version.withLock { $0 = next }
                await rescan.catchUp()
            }
            #expect(try await server.messages(of: luis, in: "Trash").count == inbox)
            #expect(try await server.inbox(luis).isEmpty)
            #expect(try await server.inbox(SubmittingServer.administrator).count == 1)
            #expect(try await server.store.quarantine().count == 1)
        }
    }

    /// A body that can't be read, and signatures that change on the way, leave nothing out.
    @Test func nothingIsLeftOut() async throws {
        let version = Mutex("1")
        let looks = Mutex<[String]>([])
        let inspector = FixedInspector { _ in
            let now = version.withLock { version in
                defer { if looks.withLock({ $0.count }) == 1 { version = "2" } }
                return version
            }
            looks.withLock { $0.append(now) }
            return Inspection(virus: .clean)
        }
        try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
            server.now.withLock { $0 = Int64(time(nil)) }
            for _ in 0..<3 { _ = try await server.reception(nil).submit(from: "a@x.test", to: [luis], message("x")) }
            await Rescan(server.context, inspector) { version.withLock { $0 } }.catchUp()
            // All three with the new ones, whatever the old ones had seen.
            #expect(looks.withLock { $0.filter { $0 == "2" }.count } >= 3)
        }
    }

    /// A start after a stop goes on where it was; a scanner that can't answer is asked later.
    @Test func itGoesOn() async throws {
        let isAway = Mutex(true)
        let looks = Mutex(0)
        let inspector = FixedInspector { _ in
            if isAway.withLock({ $0 }) { return Inspection(virus: .unavailable("scan.busy")) }
            looks.withLock { $0 += 1 }
            return Inspection(virus: .clean)
        }
        try await SubmittingServer.run(inspector: FixedInspector.clean) { server in
            server.now.withLock { $0 = Int64(time(nil)) }
            for _ in 0..<3 { _ = try await server.reception(nil).submit(from: "a@x.test", to: [luis], message("x")) }
            let rescan = Rescan(server.context, inspector) { "1" }
            await rescan.catchUp()
            #expect(looks.withLock { $0 } == 0)
            isAway.withLock { $0 = false }
            await rescan.catchUp()
            #expect(looks.withLock { $0 } == 3)
            await Rescan(server.context, inspector) { "1" }.catchUp()
            #expect(looks.withLock { $0 } == 3)
            // Days that the setting does not reach.
            let change = "UPDATE body SET received = received - 4 * 86400 WHERE id < (SELECT max(id) FROM body)"
            #expect(system("sqlite3 -cmd '.timeout 5000' '\(server.directory)/buzon.db' '\(change)'") == 0)
            await Rescan(server.context, inspector) { "2" }.catchUp()
            #expect(looks.withLock { $0 } == 4)
            try await server.store.set(.rescanDays, to: "0")
            await Rescan(server.context, inspector) { "3" }.catchUp()
            #expect(looks.withLock { $0 } == 4)
        }
    }
}
