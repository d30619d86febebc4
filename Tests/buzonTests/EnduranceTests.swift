import Foundation
import Glibc
import MailTesting
import Synchronization
import Testing

@testable import Store
@testable import buzon

/// What peers may do to a server, in a process of its own whose memory can be watched.
@Suite(.enabled(if: BuzonProcess.isBuilt, "no built executable"), .serialized, .timeLimit(.minutes(3)))
struct EnduranceTests {
    private static func serve(_ body: @escaping @Sendable (BuzonProcess) throws -> Void) async throws -> String {
        let scratch = try ScratchDirectory()
        let directory = scratch.path + "/data"
        let store = try await MailStore.open(directory: directory)
        try await store.set(.iterations, to: "4096")
        try await store.addDomain(ServedAppliance.domain)
        try await store.addUser(ServedAppliance.user, password: [UInt8](ServedAppliance.password))
        await store.close()
        return try await onOwnThread {
            let process = try BuzonProcess(directory: directory)
            try body(process)
            process.send(SIGTERM)
            guard process.end() == 0 else { throw CrashTestFailure("no clean end") }
            return try BuzonProcess.run(["verify", "--deep"], directory: directory).output
        }
    }

    /// The bodies pass through in pieces: the process does not grow with them.
    @Test func aLargeMessageCostsBoundedMemory() async throws {
        _ = try await Self.serve { process in
            let line = [UInt8](String(repeating: "0123456789abcdef", count: 64) + "\r\n")
            let block = Array([[UInt8]](repeating: line, count: 1_000).joined())
            let header = [UInt8]("Subject: large\r\n\r\n")
            let size = header.count + 51 * block.count
            let smtp = try SMTPClient(port: process.port("smtp"))
            _ = try smtp.ehlo()
            try smtp.expect(250, smtp.command("MAIL FROM:<a@example.com> SIZE=\(size)"))
            try smtp.expect(250, smtp.command("RCPT TO:<\(ServedAppliance.user)>"))
            try smtp.expect(354, smtp.command("DATA"))
            let before = process.peakMemory
            try smtp.connection.send(header)
            for _ in 0..<51 { try smtp.connection.send(block) }
            let received = process.peakMemory - before
            try smtp.connection.send([UInt8](".\r\n"))
            try smtp.expect(250, smtp.readReply())

            let pop3 = try POP3Client(port: process.port("pop3"))
            _ = try pop3.login(ServedAppliance.user, ServedAppliance.password)
            let summarised = process.peakMemory - before
            let lines = try pop3.lines("RETR 1")
            guard lines.count > 51_000, lines.suffix(51_000).allSatisfy({ $0.count == line.count - 2 }) else {
                throw CrashTestFailure("it is not what was sent")
            }
            try pop3.quit()
            let imap = try IMAPClient(port: process.port("imap"))
            try imap.login(ServedAppliance.user, ServedAppliance.password)
            try imap.select("INBOX")
            // Line by line, since the whole would be the client's to hold.
            try imap.connection.send(line: "whole FETCH 1 BODY.PEEK[]")
            var count = 0
            var last = try imap.connection.readLine()
            while !last.text.hasPrefix("whole ") {
                if last.count == line.count - 2 { count += 1 }
                last = try imap.connection.readLine()
            }
            guard count == 51_000 else { throw CrashTestFailure("\(count) lines of 51000") }
            let read = process.peakMemory - before
            print("50 MiB: \(received >> 10) KiB while it came, \(summarised >> 10) KiB when stored, \(read >> 10) KiB when read")
            // While it is summarised, the spooled file is mapped: pages of the kernel's that count as resident.
            guard received < 16 << 20, summarised < size + (16 << 20), read < size + (32 << 20) else {
                throw CrashTestFailure("received \(received), summarised \(summarised), read \(read)")
            }
            // RFC 1870 §6.1: refused by its announced size already.
            try smtp.expect(552, smtp.command("MAIL FROM:<a@example.com> SIZE=52428801"))
        }
    }

    /// Garbage, endless lines, half messages and slow peers on all doors, for some seconds: who behaves is served meanwhile.
    @Test func abuseOfSomeSessionsIsNotFeltByOthers() async throws {
        let verified = try await Self.serve { process in
            let before = process.memory
            let abuse = Abuse(smtp: process.port("smtp"), pop3: process.port("pop3"), imap: process.port("imap"))
            inParallel(10) { abuse.run($0) }
            if let words = abuse.failure.withLock({ $0 }) { throw CrashTestFailure(words) }
            let sent = abuse.sent.load(ordering: .relaxed)
            let growth = process.memory - before
            print("abuse: \(sent) messages meanwhile, \(growth >> 10) KiB more resident")
            guard sent > 10 else { throw CrashTestFailure("hardly anybody was served") }
            guard growth < 96 << 20 else { throw CrashTestFailure("grown by \(growth)") }
        }
        #expect(!verified.isEmpty)
    }
}

/// Nine that abuse the doors, and one that uses them.
private final class Abuse: Sendable {
    static let seconds = 4.0

    let doors: [UInt16]
    let smtp: UInt16
    let imap: UInt16
    let end = Date().addingTimeInterval(Abuse.seconds)
    let sent = Atomic(0)
    let failure = Mutex<String?>(nil)

    init(smtp: UInt16, pop3: UInt16, imap: UInt16) {
        doors = [smtp, pop3, imap]
        self.smtp = smtp
        self.imap = imap
    }

    private var isOver: Bool { Date() > end }

    func run(_ number: Int) {
        if number == 0 {
            do { try use() } catch { failure.withLock { $0 = "\(error)" } }
            return
        }
        var random = Noise(seed: UInt64(number))
        while !isOver {
            // A door that closes in the middle is what they deserve.
            try? abuse(number, &random)
        }
    }

    private func use() throws {
        let client = try SMTPClient(port: smtp)
        _ = try client.ehlo()
        let reader = try IMAPClient(port: imap)
        try reader.login(ServedAppliance.user, ServedAppliance.password)
        try reader.select("INBOX")
        while !isOver {
            let reply = try client.submit(from: "a@example.com", to: [ServedAppliance.user], message: [UInt8]("Subject: x\r\n\r\nhola\r\n"))
            guard reply.code == 250 else { throw CrashTestFailure("\(reply)") }
            sent.add(1, ordering: .relaxed)
            try reader.succeed("NOOP")
            try reader.succeed("FETCH * (FLAGS ENVELOPE BODY.PEEK[TEXT])")
        }
        try client.quit()
        try reader.logout()
    }

    private func abuse(_ number: Int, _ random: inout Noise) throws {
        let line = try LineConnection(host: "127.0.0.1", port: doors[number % 3], timeout: 2)
        _ = try line.readLine()
        switch number / 3 {
        case 0:
            // Octets of any kind, line ends among them.
            for _ in 0..<20 {
                try line.send((0..<2_000).map { _ in random.next() % 9 == 0 ? 10 : UInt8(truncatingIfNeeded: random.next()) })
            }
        case 1:
            // A line, a literal, a message without an end.
            let opening = [
                "EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<usuario@virtual.test>\r\nDATA\r\n", "USER ",
                "a LOGIN usuario@virtual.test secreto\r\nb APPEND INBOX {40000000+}\r\n",
            ]
            try line.send([UInt8](opening[number % 3]))
            let block = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
            for _ in 0..<200 where !isOver { try line.send(block) }
        default:
            // A byte now and then, and gone in the middle.
            for byte in "EHLO slow\r\na NOOP\r\nCAPA\r\n".utf8 {
                try line.send([byte])
                usleep(20_000)
            }
        }
        line.close()
    }
}

/// xorshift: the same noise in each run.
private struct Noise {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
