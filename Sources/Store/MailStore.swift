// The data directory: everything the server knows, and every message.
//
// `buzon.db` (SQLite, WAL) holds all but the bodies, `bodies/` holds those in append-only segments. All changes go through one
// writer that commits in groups; what it has answered is durable. Readers see the last commit and never wait for the writer.
//
// Invariants: a body is durable before the index refers to it. A whole record in a segment is never removed because the index
// does not know it. UIDs, modification sequences and UIDVALIDITY never go back. No SQL and no row leaves this module, and
// nobody else opens the database.

import Dispatch
import GRDB
import Glibc
import Synchronization

/// An open data directory. Every method may be called from any task.
package final class MailStore: Sendable {
    package struct Options: Sendable {
        package enum Role: Sendable {
            /// Takes the directory's lock, recovers, and keeps house.
            case server
            /// A command beside a server, which may run or not: rows only, no lock.
            case beside
        }

        package var role: Role
        /// An absent or empty directory becomes a data directory.
        package var createsDirectory: Bool
        /// Seconds to wait for another process's transaction.
        package var busyTimeout: Double = 10
        /// Snapshots, compaction, sweeps and checkpoints by themselves. Tests call them by hand.
        package var keepsHouse = true
        /// Told in one line, for the log, what failed without anybody having asked for it: house-keeping, whole batches. Each kind at most
        /// once a minute. Called from any thread; it may only note it and return.
        package var report: @Sendable (String) -> Void = { _ in }

        package init(role: Role = .server, createsDirectory: Bool? = nil) {
            self.role = role
            self.createsDirectory = createsDirectory ?? (role == .server)
        }
    }

    package let directory: String
    /// The account that runs it is root. Allowed, and worth a warning.
    package let isRoot: Bool

    let pool: DatabasePool
    let writer: Writer
    let reader: SegmentReader
    let log: SegmentLog?
    let files: any FileSystem
    let wakes: Wakes
    let places = PlaceCache()
    let policyCache = PolicyCache()
    /// Segments that compaction could not empty.
    let damagedSegments = Mutex<Set<Int>>([])
    let maildrops = Mutex<Set<Int64>>([])
    let notes = TraceNotes()
    let generation = Generation()
    private let isClosed = Atomic(false)
    let settings: Mutex<[String: String]>
    let readQueues: [DispatchQueue]
    let nextQueue = Atomic<Int>(0)
    let upkeep: Upkeep
    let failureLog: FailureLog
    let logLength: LogLength
    let isCheckpointing = Atomic(false)
    let checkpointQueue = DispatchQueue(label: "buzon.store.checkpoint", qos: .utility)
    private let lock: Mutex<OpenFile?>

    /// Opens the data directory. Typed failures tell what stands in the way; nothing is half-written then.
    package static func open(directory: String, options: Options = Options()) async throws(StoreFailure) -> MailStore {
        try await open(directory: directory, options: options, files: KernelFileSystem(), step: { _ in })
    }

    /// For tests: with a file system that may fail, and told each step of a batch.
    package static func open(
        directory: String, options: Options, files: any FileSystem, step: @escaping @Sendable (String) -> Void
    ) async throws(StoreFailure) -> MailStore {
        do {
            return try MailStore(directory: directory, options: options, files: files, step: step)
        } catch {
            throw storeFailure(error)
        }
    }

    private init(directory: String, options: Options, files: any FileSystem, step: @escaping @Sendable (String) -> Void) throws {
        let place = try DataDirectory.prepare(directory, options: options)
        self.directory = directory
        self.files = files
        isRoot = place.isRoot
        lock = Mutex(place.lock)
        pool = try openDatabase(directory: directory, options: options, isNew: place.isNew)
        let logLength = LogLength()
        self.logLength = logLength
        if options.role == .server { pool.writeWithoutTransaction { logLength.watch($0) } }
        let found = try pool.read { try Setting.load($0) }
        settings = Mutex(found)
        let bodies = directory + "/bodies"
        reader = SegmentReader(directory: bodies)
        let wakes = Wakes()
        let generation = generation
        self.wakes = wakes
        let upkeep = Upkeep()
        self.upkeep = upkeep
        let failureLog = FailureLog(options.report)
        self.failureLog = failureLog
        readQueues = (0..<4).map { DispatchQueue(label: "buzon.store.read.\($0)") }
        let owner = Owner()
        let hooks = Writer.Hooks(
            noticed: {
                generation.bump()
                upkeep.noticed()
            }, wake: { wakes.wake($0) }, committed: { owner.store?.checkpointWhenDue() },
            failed: { failureLog.tell("writing", $0) },
            step: { step($0.rawValue) })
        if options.role == .server {
            let recovered = try recover(pool: pool, bodies: bodies)
            let log = SegmentLog(
                directory: bodies, files: files, limit: Setting.segmentSize.integer(in: found), last: recovered.lastSegment)
            if let (id, end) = recovered.newest { try log.resume(id, end: end) }
            self.log = log
            writer = Writer(
                pool: pool, log: log, bodyID: recovered.bodyID, commit: recovered.commit, unindexed: recovered.unindexed, hooks: hooks)
        } else {
            log = nil
            writer = Writer(pool: pool, log: nil, bodyID: 0, commit: 0, hooks: hooks)
        }
        owner.hold(self)
        if options.role == .server { try removeUnfinishedSnapshots() }
        if options.role == .server { upkeep.begin(self, keepsHouse: options.keepsHouse) }
    }

    /// Finishes what was promised, writes the log back into the database and lets the directory go. Later calls fail with `.closed`.
    package func close() async {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        await upkeep.end()
        flushNotes()
        if log != nil { try? await checkpoint(.truncate) }
        await writer.close()
        log?.abandon()
        try? pool.close()
        lock.withLock { file in
            // Said aloud: a child process that is being started holds the same open file for a moment.
            if let file { flock(file.descriptor, LOCK_UN) }
            file = nil
        }
    }

    /// Where an incoming message waits until it is judged.
    package func spool() -> Spool { Spool(directory: directory, files: files) }

    func read<Result: Sendable>(_ body: @escaping @Sendable (Database) throws -> Result) async throws(StoreFailure) -> Result {
        do {
            return try await pool.read(body)
        } catch {
            throw storeFailure(error)
        }
    }
}

/// The store as the writer knows it, which exists before the store does.
private final class Owner: Sendable {
    private let reference = Mutex<WeakReference>(WeakReference())

    private struct WeakReference: Sendable { weak var store: MailStore? }

    var store: MailStore? { reference.withLock { $0.store } }
    func hold(_ store: MailStore) { reference.withLock { $0.store = store } }
}

/// Seconds since 1970.
func now() -> Int64 { Int64(clockSeconds()) }
