import Glibc
import MailTesting
import Synchronization
import Testing

@testable import Store
@testable import buzon

/// A disk that can be told to be full, or to fail when it should make durable.
private final class FailingDisk: FileSystem {
    enum Mood { case well, full, noSpaceLeft, failing }

    private let kernel = KernelFileSystem()
    private let mood = Mutex(Mood.well)

    func turn(_ new: Mood) { mood.withLock { $0 = new } }

    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: Int) throws(FileFailure) {
        if mood.withLock({ $0 }) == .full { throw FileFailure(errno: ENOSPC, call: "pwrite") }
        try kernel.write(bytes, to: descriptor, at: offset)
    }

    func copy(_ count: Int, from source: CInt, to descriptor: CInt, at offset: Int) throws(FileFailure) {
        if mood.withLock({ $0 }) == .full { throw FileFailure(errno: ENOSPC, call: "copy_file_range") }
        try kernel.copy(count, from: source, to: descriptor, at: offset)
    }

    func synchronise(_ descriptor: CInt) throws(FileFailure) {
        if mood.withLock({ $0 }) == .failing { throw FileFailure(errno: EIO, call: "fdatasync") }
        try kernel.synchronise(descriptor)
    }

    func freeSpace(_ descriptor: CInt) -> Int { mood.withLock { $0 } == .noSpaceLeft ? 0 : kernel.freeSpace(descriptor) }
}

@Suite struct DiskTests {
    private static let small = [UInt8]("Subject: small\r\n\r\nhola\r\n")
    private static let large = [UInt8]("Subject: large\r\n\r\n" + String(repeating: "una linea\r\n", count: 40_000))

    @Test func aFullDiskRefusesForNowAndServesOn() async throws {
        let disk = FailingDisk()
        try await ServedAppliance.run {
            $0.storage.files = disk
        } _: { served in
            let smtp = try served.smtpGreeted()
            func send(_ message: [UInt8]) throws -> SMTPClient.Reply {
                try smtp.submit(from: "a@example.com", to: [ServedAppliance.user], message: message)
            }
            #expect(try send(Self.small).code == 250)
            #expect(try send(Self.large).code == 250)
            for (mood, messages) in [(FailingDisk.Mood.full, [Self.small, Self.large]), (.noSpaceLeft, [Self.large])] {
                disk.turn(mood)
                for message in messages {
                    let reply = try send(message)
                    #expect(reply.code == 452 && reply.enhanced == "4.3.1", "\(reply)")
                }
                // What is there can be read, by those who are there and by newcomers.
                let imap = try served.imap()
                #expect(try imap.select("INBOX") == 2)
                #expect(try imap.body(of: 2).ends(with: Self.large))
                // RFC 5530 §3 has UNAVAILABLE for it; APPEND must not claim success.
                #expect(try !imap.command("APPEND INBOX ", .literal(Self.large)).isOK)
                #expect(try imap.succeed("NOOP").isOK)
                try imap.logout()
                let pop3 = try served.pop3()
                #expect(try pop3.retrieve(1).ends(with: Self.small))
                try pop3.quit()
                disk.turn(.well)
            }
            #expect(try send(Self.small).code == 250)
            #expect(try served.pop3().stat().messages == 3)
        }
    }

    /// After a failed fdatasync nothing is taken in until a new segment has proved writable.
    @Test func aDiskThatFailsToSynchronise() async throws {
        let disk = FailingDisk()
        try await ServedAppliance.run {
            $0.storage.files = disk
        } _: { served in
            let smtp = try served.smtpGreeted()
            func send() throws -> Int {
                try smtp.submit(from: "a@example.com", to: [ServedAppliance.user], message: Self.small).code
            }
            #expect(try send() == 250)
            disk.turn(.failing)
            for _ in 0..<3 { #expect(try send() == 452) }
            let imap = try served.imap()
            #expect(try imap.select("INBOX") == 1)
            #expect(try imap.body(of: 1).ends(with: Self.small))
            disk.turn(.well)
            var code = 0
            for _ in 0..<500 where code != 250 {
                code = try send()
                if code != 250 { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(code == 250)
            #expect(try imap.succeed("NOOP").replies("EXISTS").last?.number == 2)
        }
    }

    /// SQLite itself finds no room: the whole batch is rolled back and refused.
    @Test func aCommitThatFails() async throws {
        try await ServedAppliance.run { served in
            let smtp = try served.smtpGreeted()
            func send(_ message: [UInt8] = Self.small) throws -> SMTPClient.Reply {
                try smtp.submit(from: "a@example.com", to: [ServedAppliance.user], message: message)
            }
            #expect(try send().code == 250)
            // No page more than there are.
            try await served.store.writer.between { db in _ = try db.first("PRAGMA max_page_count = 1") { $0.int(0) } }
            // Its envelope needs some.
            let wide = [UInt8]("Subject: " + String(repeating: "x", count: 60_000) + "\r\n\r\n")
            let reply = try send(wide)
            #expect(reply.code == 452 && reply.enhanced == "4.3.1", "\(reply)")
            let imap = try served.imap()
            #expect(try imap.select("INBOX") == 1)
            #expect(try imap.body(of: 1).ends(with: Self.small))
            try await served.store.writer.between { db in _ = try db.first("PRAGMA max_page_count = 1000000") { $0.int(0) } }
            #expect(try send(wide).code == 250)
            #expect(try imap.succeed("NOOP").replies("EXISTS").last?.number == 2)
        }
    }
}
