import Dispatch
import Foundation
import Logging
import MailTesting
import Synchronization
import Testing

@testable import Store
@testable import buzon

/// A whole server in this process, on free ports of the loopback, in a directory of its own.
struct ServedAppliance: Sendable {
    let directory: String
    let open: OpenAppliance

    var store: MailStore { open.store }

    static let domain = "virtual.test"
    static let user = "usuario@virtual.test"
    static let other = "ana@virtual.test"
    static let password = "secreto"

    func port(_ name: String) -> UInt16 { open.doors.first { $0.shown.name == name }.map { UInt16(clamping: $0.shown.port) } ?? 0 }

    func smtp() throws -> SMTPClient { try SMTPClient(port: port("smtp")) }

    func smtpGreeted() throws -> SMTPClient {
        let client = try smtp()
        _ = try client.ehlo()
        return client
    }

    func pop3(_ user: String = Self.user) throws -> POP3Client {
        let client = try POP3Client(port: port("pop3"))
        let reply = try client.login(user, Self.password)
        guard reply.isOK else { throw client.connection.error(.refused("\(reply)")) }
        return client
    }

    func imap(_ user: String = Self.user) throws -> IMAPClient {
        let client = try IMAPClient(port: port("imap"))
        try client.login(user, Self.password)
        return client
    }

    /// Trace rows that name this address, once those that wait to be written are.
    func trace(_ address: String) async throws -> [TraceEntry] {
        store.flushNotes()
        // The writer takes things in order.
        try await store.record([])
        return try await store.trace(address)
    }

    /// Serves while `body` runs, which may block: it has a thread of its own. Afterwards the store must be clean.
    static func run(
        _ prepare: (inout Appliance) -> Void = { _ in }, stops: Bool = true,
        _ body: @escaping @Sendable (ServedAppliance) async throws -> Void,
        after: (_ directory: String) async throws -> Void = { _ in }
    ) async throws {
        let scratch = try ScratchDirectory()
        var appliance = Appliance(
            directory: scratch.path + "/data", hosts: ["127.0.0.1"], portOffset: nil,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        appliance.storage.options.keepsHouse = false
        appliance.resolver = NoNames()
        prepare(&appliance)
        let served = ServedAppliance(directory: appliance.directory, open: try await appliance.open())
        // Threads of its own for the server, too: tests that compute for long leave none of the common ones.
        let executor = BlockingExecutor()
        defer { executor.end() }
        let running = Task(executorPreference: executor) { try await served.open.run() }
        do {
            try await served.store.set(.iterations, to: "4096")
            try await served.store.addDomain(domain)
            for name in [user, other] { try await served.store.addUser(name, password: Array(password.utf8)) }
            try await BlockingExecutor.run { try await body(served) }
            // Unless the body has stopped it.
            if stops {
                let report = try await served.store.verify(deep: true)
                #expect(report.isClean, "\(report.problems)")
            }
        } catch {
            await served.open.stop()
            try? await running.value
            throw error
        }
        await served.open.stop()
        try await running.value
        try await after(served.directory)
        withExtendedLifetime(scratch) {}
    }
}

/// Removed, with all that is in it, when the last user lets go.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("buzon-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A thread for code that waits for the server in blocking calls, so that it never holds one that the server needs. Not a dispatch
/// queue: those share a few threads with the store's.
final class BlockingExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    private let count = DispatchSemaphore(value: 0)

    init() {
        Thread {
            while true {
                self.count.wait()
                let job = self.jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                guard let job else { return }
                job.runSynchronously(on: self.asUnownedTaskExecutor())
            }
        }.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        count.signal()
    }

    /// Ends the thread, once nothing runs on it.
    func end() { count.signal() }

    static func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let executor = BlockingExecutor()
        defer { executor.end() }
        try await Task(executorPreference: executor) { try await body() }.value
    }
}

/// Runs `body` with 0, 1, … on a thread each, and waits for all: they block.
func inParallel(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for number in 0..<count {
        group.enter()
        Thread {
            body(number)
            group.leave()
        }.start()
    }
    group.wait()
}

/// The top of the checkout.
let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

extension [UInt8] {
    init(_ text: String) { self = Array(text.utf8) }
    var text: String { String(decoding: self, as: UTF8.self) }

    /// What follows the header fields that the server puts in front: all but the last `count` bytes.
    func ends(with bytes: [UInt8]) -> Bool { suffix(bytes.count).elementsEqual(bytes) }
}
