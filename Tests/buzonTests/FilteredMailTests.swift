import Foundation
import Glibc
import MailTesting
import Synchronization
import Testing

@testable import Filter
@testable import Scanner
@testable import Store
@testable import buzon

/// The file that every scanner calls a virus; put together here, so that none calls this source one.
private let eicar = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
private let user = ServedAppliance.user

private func message(_ subject: String, attaching name: String? = nil, _ content: String = "") -> [UInt8] {
    var text = "From: a@x.test\r\nSubject: \(subject)\r\nMIME-Version: 1.0\r\n"
    guard let name else { return [UInt8]((text + "\r\nhola\r\n").utf8) }
    text += "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhola\r\n--b\r\nContent-Type: application/octet-stream\r\n"
    text += "Content-Disposition: attachment; filename=\"\(name)\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return [UInt8]((text + Data(content.utf8).base64EncodedString() + "\r\n--b--\r\n").utf8)
}

/// Mail through the whole server, with libclamav and the walk through archives behind it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct FilteredMailTests {
    private static func submit(_ served: ServedAppliance, _ message: [UInt8]) throws -> Int {
        try served.smtpGreeted().submit(from: "a@x.test", to: [user], message: message).code
    }

    /// Until the engine is there.
    private static func ready(_ served: ServedAppliance) async throws {
        for _ in 0..<200 where try submit(served, message("listo?")) != 250 { try await Task.sleep(for: .milliseconds(50)) }
    }

    @Test func aFreshApplianceProvesItself() async throws {
        try await ServedAppliance.run { served in
            try await Self.ready(served)
            #expect(try Self.submit(served, message("virus", attaching: "a.txt", eicar)) == 250)
            #expect(try Self.submit(served, message("vetado", attaching: "a.pdf.exe", "hola")) == 554)
            #expect(try Self.submit(served, message("adjunto", attaching: "a.pdf", "hola")) == 250)
            let found = try served.pop3().stat().messages
            let entries = try await served.store.quarantine(user)
            #expect(entries.map(\.category) == ["banned", "virus"])
            #expect(entries.last?.reasons.first?.contains("Eicar") == true)
            // What was asked while the engine came, and the one that is clean.
            #expect(found >= 2)
            let story = try await served.trace(user)
            #expect(story.contains { $0.event == "discarded" } && story.contains { $0.event == "refused" })
        }
    }

    /// What only the test file was held against is not called scanned; with a signature more, it is.
    @Test func onlyWhatKnowsVirusesHasScanned() async throws {
        let folder = try ScratchDirectory()
        try await ServedAppliance.run { served in
            func newest(_ subject: String) throws -> String {
                #expect(try Self.submit(served, message(subject)) == 250)
                let pop3 = try served.pop3()
                return String(decoding: try pop3.retrieve(pop3.stat().messages), as: UTF8.self)
            }
            #expect(try !newest("uno").contains("X-Virus-Scanned"))
            try Data("Prueba.Nueva:0:*:70616c616272612d766574616461\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/nueva.ndb"))
            try await served.store.set(.signatureDirectory, to: folder.path)
            for _ in 0..<200 where served.open.checks.checks.status.count < 3 { try await Task.sleep(for: .milliseconds(50)) }
            #expect(try newest("dos").contains("\r\nX-Virus-Scanned: Buzon at "))
        }
        withExtendedLifetime(folder) {}
    }

    /// Off for everybody: no engine is held. On for one: it is there.
    @Test func theEngineIsThereForWhoWantsIt() async throws {
        try await ServedAppliance.run { served in
            let checks = served.open.checks.checks
            try await served.store.set(.bypassVirusChecks, to: "true", for: .server)
            for _ in 0..<200 where checks.holdsEngine { try await Task.sleep(for: .milliseconds(50)) }
            #expect(!checks.holdsEngine)
            #expect(try Self.submit(served, message("virus", attaching: "a.txt", eicar)) == 250)
            #expect(try served.pop3().stat().messages == 1)
            try await served.store.set(.bypassVirusChecks, to: "false", for: .user(user))
            for _ in 0..<200 where !checks.holdsEngine { try await Task.sleep(for: .milliseconds(50)) }
            #expect(checks.holdsEngine)
            #expect(try Self.submit(served, message("virus", attaching: "a.txt", eicar)) == 250)
            #expect(try served.pop3().stat().messages == 1)
        }
    }

    /// Asked for again, at once: the message waits until its signatures are loaded.
    @Test func whoWantsChecksAgainIsNotPutOff() async throws {
        try await ServedAppliance.run { served in
            let checks = served.open.checks.checks
            for turn in 0..<3 {
                try await served.store.set(.bypassVirusChecks, to: "true", for: .server)
                for _ in 0..<200 where checks.holdsEngine { try await Task.sleep(for: .milliseconds(50)) }
                #expect(!checks.holdsEngine)
                try await served.store.set(.bypassVirusChecks, to: "false", for: .server)
                #expect(try Self.submit(served, message("virus \(turn)", attaching: "a.txt", eicar)) == 250)
            }
            #expect(try await served.store.quarantine(user).map(\.category) == ["virus", "virus", "virus"])
        }
    }

    /// A signature that comes while mail flows counts within seconds, and no message is refused for it.
    @Test func newSignaturesComeInWhileMailFlows() async throws {
        let folder = try ScratchDirectory()
        try await ServedAppliance.run { served in
            try await Self.ready(served)
            try await served.store.set(.signatureDirectory, to: folder.path)
            let refused = Mutex(0)
            let isOver = Mutex(false)
            let flow = Task.detached {
                while !isOver.withLock({ $0 }) {
                    let code = (try? Self.submit(served, message("flujo \(UUID())"))) ?? 0
                    if code != 250 { refused.withLock { $0 += 1 } }
                    try? await Task.sleep(for: .milliseconds(10))
                }
            }
            let word = "palabra-vetada-por-firma"
            let hex = word.utf8.map { String(format: "%02x", $0) }.joined()
            try Data("Prueba.Nueva:0:*:\(hex)\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/nueva.ndb"))
            for _ in 0..<150 {
                _ = try Self.submit(served, message("con firma \(UUID())", attaching: "a.txt", word))
                if try await !served.store.quarantine(user).isEmpty { break }
                try await Task.sleep(for: .milliseconds(100))
            }
            isOver.withLock { $0 = true }
            await flow.value
            #expect(refused.withLock { $0 } == 0)
            #expect(try await served.store.quarantine(user).first?.reasons.first?.contains("Prueba.Nueva") == true)
            // A damaged database leaves what is good, and a working server.
            try Data("basura\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/nueva.ndb"))
            try await Task.sleep(for: .seconds(6))
            #expect(try Self.submit(served, message("limpio")) == 250)
            #expect(try Self.submit(served, message("virus", attaching: "a.txt", eicar)) == 250)
            #expect(try await served.store.quarantine(user).first?.reasons.first?.contains("Eicar") == true)
        }
        withExtendedLifetime(folder) {}
    }
}

/// A message that kills the server whenever it is scanned, and one that never ends.
@Suite(.enabled(if: BuzonProcess.isBuilt, "no built executable"), .serialized, .timeLimit(.minutes(3))) struct PoisonTests {
    private static func send(_ server: borrowing BuzonProcess, _ message: [UInt8]) -> Int {
        guard let client = try? SMTPClient(port: server.port("smtp")), (try? client.ehlo()) != nil else { return 0 }
        return (try? client.submit(from: "a@x.test", to: [user], message: message).code) ?? 0
    }

    @Test func itIsQuarantinedAtTheThirdTry() async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        try await CrashTests.populate(directory)
        let poison = message("veneno", attaching: "mata-al-servidor.txt", "x")
        try await onOwnThread {
            for _ in 0..<2 {
                let server = try BuzonProcess(directory: directory, environment: ["BUZON_TEST_SCAN": "crash:mata-al-servidor"])
                #expect(Self.send(server, poison) == 0)
                #expect(server.end() == -Int(SIGABRT))
            }
            let server = try BuzonProcess(directory: directory, environment: ["BUZON_TEST_SCAN": "crash:mata-al-servidor"])
            #expect(Self.send(server, poison) == 250)
            #expect(Self.send(server, message("limpio")) == 250)
            #expect(server.stop() == 0)
        }
        let store = try await MailStore.open(directory: directory)
        #expect(try await store.quarantine(user).map(\.category) == ["poisoned"])
        await store.close()
    }

    /// Scans that never end cost their senders a limit each, then the server becomes itself again with the same process number.
    @Test func itRestartsItself() async throws {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        try await CrashTests.populate(directory)
        let store = try await MailStore.open(directory: directory)
        try await store.set(.scanStuck, to: "2")
        try await store.set(.scanSeconds, to: "1")
        await store.close()
        try await onOwnThread {
            let server = try BuzonProcess(directory: directory, environment: ["BUZON_TEST_SCAN": "hang:no-acaba"])
            for number in 0..<2 { #expect(Self.send(server, message("\(number)", attaching: "no-acaba.txt", "\(number)")) == 250) }
            #expect(server.waitUntilReadyAgain())
            #expect(Self.send(server, message("limpio")) == 250)
            #expect(server.stop() == 0)
        }
        let again = try await MailStore.open(directory: directory)
        #expect(try await again.quarantine(user).map(\.category) == ["limit", "limit"])
        await again.close()
    }
}
