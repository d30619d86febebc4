import Foundation
import Glibc
import MailTesting
import Synchronization
import Testing

@testable import Store
@testable import buzon

/// `kill -9` under load: what was answered 250 is there, once, and the store is clean.
@Suite(.enabled(if: BuzonProcess.isBuilt, "no built executable"), .serialized, .timeLimit(.minutes(5)))
struct CrashTests {
    /// Sends until the server is gone; adds the names of the messages that were answered 250.
    private static func load(_ port: UInt16, sender: Int, _ messages: Messages) {
        // Some are larger than a spool keeps in memory.
        let filler = String(repeating: "una linea de relleno, y nada mas\r\n", count: sender.isMultiple(of: 3) ? 5_000 : 50)
        do {
            let client = try SMTPClient(port: port)
            _ = try client.ehlo()
            for number in 0..<500 {
                let name = "m-\(sender)-\(number)"
                messages.sent.withLock { _ = $0.insert(name) }
                let message = [UInt8]("Subject: \(name)\r\nMessage-ID: <\(name)@example.com>\r\n\r\n\(filler)")
                let reply = try client.submit(
                    from: "a@example.com", to: [ServedAppliance.user, ServedAppliance.other], message: message)
                if reply.code == 250 { messages.accepted.withLock { _ = $0.insert(name) } }
            }
        } catch {
            // The server was killed: that is what this is about.
        }
    }

    @Test(arguments: Writer.Step.allCases.flatMap { step in [1, 2, 5, 25].map { (step, $0) } })
    func nothingThatWasPromisedIsLost(_ step: Writer.Step, _ count: Int) async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        try await Self.populate(directory)
        let accepted = try await onOwnThread {
            let killed = try BuzonProcess(directory: directory, environment: ["BUZON_TEST_KILL_AT": "\(step.rawValue):\(count)"])
            let port = killed.port("smtp")
            let messages = Messages()
            // Port 0: it was killed at its start.
            if port != 0 { inParallel(6) { Self.load(port, sender: $0, messages) } }
            guard killed.end() == -Int(SIGKILL) else { throw CrashTestFailure("it was not killed") }

            // The same directory, by a server that nobody kills.
            let again = try BuzonProcess(directory: directory)
            for user in [ServedAppliance.user, ServedAppliance.other] {
                let imap = try IMAPClient(port: again.port("imap"))
                try imap.login(user, ServedAppliance.password)
                let exists = try imap.select("INBOX")
                var found: [String: Int] = [:]
                if exists > 0 {
                    for reply in try imap.succeed("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]").replies("FETCH") {
                        let subject = (reply.arguments.first?.elements?.last?.text ?? "").split(whereSeparator: { ": \r\n".contains($0) })
                        found[subject.last.map(String.init) ?? "", default: 0] += 1
                    }
                }
                try imap.logout()
                for name in messages.accepted.withLock({ $0 }) where found[name] != 1 {
                    throw CrashTestFailure("\(name) was promised, and is there \(found[name] ?? 0) times")
                }
                for (name, times) in found where times != 1 || !messages.sent.withLock({ $0.contains(name) }) {
                    throw CrashTestFailure("\(name) is there \(times) times")
                }
            }
            // It goes on taking mail in.
            let client = try SMTPClient(port: again.port("smtp"))
            _ = try client.ehlo()
            let reply = try client.submit(from: "", to: [ServedAppliance.user], message: [UInt8]("Subject: after\r\n\r\n"))
            guard reply.code == 250 else { throw CrashTestFailure("\(reply)") }
            again.send(SIGTERM)
            guard again.end() == 0 else { throw CrashTestFailure("no clean end") }
            return messages.accepted.withLock { $0.count }
        }
        if count == 25 { #expect(accepted > 0) }
        let verify = try await onOwnThread { try BuzonProcess.run(["verify", "--deep"], directory: directory) }
        #expect(verify.status == 0, "\(verify.output)")
    }

    /// At no step in particular.
    @Test(arguments: [40, 170]) func killedFromOutside(_ milliseconds: Int) async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        try await Self.populate(directory)
        let accepted = try await onOwnThread {
            let killed = try BuzonProcess(directory: directory)
            let port = killed.port("smtp")
            let messages = Messages()
            let process = killed.identifier
            inParallel(7) { number in
                if number < 6 { return Self.load(port, sender: number, messages) }
                usleep(UInt32(milliseconds) * 1_000)
                kill(process, SIGKILL)
            }
            _ = killed.end()
            return messages.accepted.withLock { $0 }
        }
        let store = try await MailStore.open(directory: directory)
        let report = try await store.verify(deep: true)
        #expect(report.isClean, "\(report.problems)")
        for name in accepted {
            let delivered = try await store.trace("\(name)@example.com").filter { $0.event == "delivered" }
            #expect(delivered.count == 2, "\(name)")
        }
        await store.close()
    }

    static func populate(_ directory: String) async throws {
        let store = try await MailStore.open(directory: directory)
        try await store.set(.iterations, to: "4096")
        try await store.addDomain(ServedAppliance.domain)
        for name in [ServedAppliance.user, ServedAppliance.other] {
            try await store.addUser(name, password: [UInt8](ServedAppliance.password))
        }
        await store.close()
    }
}

/// The names of what was sent, and of what was answered 250.
private final class Messages: Sendable {
    let sent = Mutex<Set<String>>([])
    let accepted = Mutex<Set<String>>([])
}

struct CrashTestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
