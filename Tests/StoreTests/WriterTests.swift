import GRDB
import Glibc
import Mail
import Synchronization
import Testing

@testable import Store

/// Fails on demand, with an errno.
final class FailingFiles: FileSystem {
    struct Plan: Sendable {
        var write: CInt = 0
        var synchronise: CInt = 0
        /// Bytes written before the write fails.
        var partial = 0
        /// Bytes that are said to be free; nil: the truth.
        var free: Int?
    }

    let plan = Mutex(Plan())
    private let kernel = KernelFileSystem()

    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: Int) throws(FileFailure) {
        let plan = plan.withLock { $0 }
        if plan.write != 0 {
            try kernel.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(plan.partial)), to: descriptor, at: offset)
            throw FileFailure(errno: plan.write, call: "pwrite")
        }
        try kernel.write(bytes, to: descriptor, at: offset)
    }

    func copy(_ count: Int, from source: CInt, to descriptor: CInt, at offset: Int) throws(FileFailure) {
        let plan = plan.withLock { $0 }
        if plan.write != 0 { throw FileFailure(errno: plan.write, call: "copy_file_range") }
        try kernel.copy(count, from: source, to: descriptor, at: offset)
    }

    func synchronise(_ descriptor: CInt) throws(FileFailure) {
        let plan = plan.withLock { $0 }
        if plan.synchronise != 0 { throw FileFailure(errno: plan.synchronise, call: "fdatasync") }
        try kernel.synchronise(descriptor)
    }

    func freeSpace(_ descriptor: CInt) -> Int {
        plan.withLock { $0.write == ENOSPC ? 0 : $0.free } ?? kernel.freeSpace(descriptor)
    }
}

struct WriterTests {
    @Test func fiftyAtOnce() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let uids = try await withThrowingTaskGroup(of: [UID].self) { group in
            for task in 0..<50 {
                group.addTask {
                    var uids: [UID] = []
                    for number in 0..<20 {
                        let receipt = try await store.deliver("Subject: \(task) \(number)\r\n\r\n", to: [user])
                        if case .stored(_, let uid) = receipt.outcomes[0] { uids.append(uid) }
                    }
                    return uids
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(uids.sorted() == Array(1...1_000))
        #expect(try await store.status(user, "INBOX").messages == 1_000)
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func aFailingPieceRollsBackAlone() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        let inbox = try await store.inbox(user)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<30 {
                group.addTask {
                    if number % 3 == 1 {
                        await #expect(throws: StoreFailure.invalid("hidden range")) {
                            try await store.deliver(
                                Delivery(
                                    spool: store.spool("x"), envelope: [], structure: [], date: InternalDate(seconds: 0),
                                    recipients: [.init(user: user), .init(user: user, hidden: 0..<5)]))
                        }
                    } else {
                        try await store.deliver("Subject: \(number)\r\n\r\n", to: [user])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.rows(inbox).map(\.uid) == Array(1...20))
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    @Test func fullDiskRefusesAndReadsGoOn() async throws {
        let scratch = Scratch()
        let files = FailingFiles()
        let (store, user) = try await scratch.populated(files: files)
        try await store.deliver("Subject: before\r\n\r\n", to: [user])
        files.plan.withLock { $0 = .init(write: ENOSPC, partial: 40) }
        await #expect(throws: StoreFailure.diskFull) { try await store.deliver("Subject: during\r\n\r\n", to: [user]) }
        let rows = try await store.rows(try await store.inbox(user))
        #expect(try await store.text(rows[0]) == "Subject: before\r\n\r\n")
        #expect(throws: StoreFailure.diskFull) {
            try store.spool().append([UInt8](repeating: 65, count: Spool.memoryLimit + 1))
        }
        files.plan.withLock { $0 = .init() }
        try await store.deliver("Subject: after\r\n\r\n", to: [user])
        let report = try await store.verify(deep: true)
        #expect(report.problems == [])
        #expect(report.notes == [])
        await store.close()
    }

    @Test func aFailedSynchronisationIsNeverRetriedOnTheSameFile() async throws {
        let scratch = Scratch()
        let files = FailingFiles()
        let (store, user) = try await scratch.populated(files: files)
        try await store.deliver("Subject: before\r\n\r\n", to: [user])
        files.plan.withLock { $0.synchronise = EIO }
        await #expect(throws: StoreFailure.ioError("fdatasync: Input/output error")) {
            try await store.deliver("Subject: lost\r\n\r\n", to: [user])
        }
        // Nothing proves writable: refused without being tried, reads go on.
        await #expect(throws: StoreFailure.unavailable) { try await store.deliver("Subject: lost\r\n\r\n", to: [user]) }
        #expect(try await store.status(user, "INBOX").messages == 1)
        files.plan.withLock { $0.synchronise = 0 }
        var isBack = false
        for _ in 0..<300 where !isBack {
            isBack = (try? await store.deliver("Subject: after\r\n\r\n", to: [user])) != nil
            if !isBack { try await Task.sleep(nanoseconds: 10_000_000) }
        }
        #expect(isBack)
        let files2 = try segmentNumbers(scratch.path + "/data/bodies")
        #expect(files2.count == 2)
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
        let again = try await scratch.open()
        #expect(try await again.status(user, "INBOX").messages == 2)
        #expect(try await again.verify(deep: true).problems == [])
        await again.close()
    }

    /// Another process holds the database: refused for now, and nothing is appended.
    @Test func aLockedDatabaseLeavesNoBody() async throws {
        let scratch = Scratch()
        var options = MailStore.Options()
        options.keepsHouse = false
        options.busyTimeout = 0.05
        let store = try await MailStore.open(directory: scratch.path + "/data", options: options)
        try await store.set(.iterations, to: "4096")
        try await store.addDomain("virtual.test")
        let user = try await store.addUser("usuario@virtual.test", password: [65])
        try await store.deliver("Subject: before\r\n\r\n", to: [user])
        let segment = scratch.path + "/data/bodies/00000001.seg"
        let before = scratch.bytes(segment)
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: scratch.path + "/data/buzon.db", configuration: configuration)
        try await other.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
        for _ in 0..<3 { await #expect(throws: StoreFailure.busy) { try await store.deliver("Subject: during\r\n\r\n", to: [user]) } }
        try await other.writeWithoutTransaction { db in try db.execute(sql: "ROLLBACK") }
        try other.close()
        #expect(scratch.bytes(segment) == before)
        try await store.deliver("Subject: after\r\n\r\n", to: [user])
        let report = try await store.verify(deep: true)
        #expect(report.problems == [] && report.notes == [])
        await store.close()
    }

    @Test func closedIsClosed() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        await store.close()
        await #expect(throws: StoreFailure.closed) { try await store.deliver("x", to: [user]) }
    }

    @Test func segmentsRoll() async throws {
        let scratch = Scratch()
        let (store, user) = try await scratch.populated()
        try await store.set(.segmentSize, to: "65536")
        let big = String(repeating: "0123456789abcde\n", count: 2_000)
        for _ in 0..<10 { try await store.deliver(big, to: [user]) }
        #expect(try segmentNumbers(scratch.path + "/data/bodies").count == 4)
        // What was reserved ahead is given back, by all but the one that grows.
        for number in 1...3 { #expect(reserved(scratch.path + "/data/bodies/0000000\(number).seg") < 64 << 10) }
        let rows = try await store.rows(try await store.inbox(user))
        for row in rows { #expect(try await store.text(row) == big) }
        #expect(try await store.verify(deep: true).problems == [])
        await store.close()
    }

    /// Bytes that a file takes on disk beyond its size.
    private func reserved(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_blocks) * 512 - Int(status.st_size) : .max
    }
}
