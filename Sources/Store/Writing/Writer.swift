import Dispatch
import GRDB
import Synchronization

/// The one writer. It takes whatever waits, appends the bodies, makes them durable, and commits once; so batches form by
/// themselves while the one before is being synchronised. When `done(nil)` is called, the piece is durable.
final class Writer: Sendable {
    /// Pieces in one batch. More wait for the next.
    static let batchLimit = 256

    struct Hooks: Sendable {
        /// Another process has written to the database.
        var noticed: @Sendable () -> Void = {}
        /// Sessions to be woken.
        var wake: @Sendable (Set<Int64>) -> Void = { _ in }
        /// A batch is done.
        var committed: @Sendable () -> Void = {}
        /// A whole batch was refused.
        var failed: @Sendable (StoreFailure) -> Void = { _ in }
        /// For tests: called with the name of each step of a batch.
        var step: @Sendable (Step) -> Void = { _ in }
    }

    /// The instants between which a crash must lose nothing that was promised.
    package enum Step: String, Sendable, CaseIterable {
        case begin, appended, synchronised, beforeCommit, committed
    }

    private struct Waiting {
        var pieces: [Piece] = []
        var isScheduled = false
        var isClosed = false
    }

    /// Only touched on the queue.
    private struct State {
        var dataVersion = -1
        var registeredSegment = -1
        var bodyID: Int64
        var commit: Int64
        /// To be remembered by the transaction that takes the counter past them.
        var unindexed: ClosedRange<Int64>?
        /// Set after a failure that leaves the disk in doubt.
        var isInDoubt = false
        var nextProof: UInt64 = 0
    }

    let pool: DatabasePool
    let log: SegmentLog?
    private let queue = DispatchQueue(label: "buzon.store.writer", qos: .userInitiated)
    private let waiting = Mutex(Waiting())
    private let state: Mutex<State>
    /// Nothing touches the connection any more.
    private let isOver = Atomic(false)
    private let hooks: Hooks

    /// `log` is nil beside a running server: rows only.
    init(pool: DatabasePool, log: SegmentLog?, bodyID: Int64, commit: Int64, unindexed: ClosedRange<Int64>? = nil, hooks: Hooks) {
        self.pool = pool
        self.log = log
        self.hooks = hooks
        state = Mutex(State(bodyID: bodyID, commit: commit, unindexed: unindexed))
    }

    func submit(_ piece: Piece) {
        let (isTaken, mustSchedule) = waiting.withLock { waiting in
            if waiting.isClosed { return (false, false) }
            waiting.pieces.append(piece)
            defer { waiting.isScheduled = true }
            return (true, !waiting.isScheduled)
        }
        guard isTaken else { return piece.done(.closed) }
        if mustSchedule { queue.async { self.drain() } }
    }

    /// Runs `work` in a transaction with whatever else waits, and returns when it is durable.
    func write<Result: Sendable>(
        spool: Spool? = nil, companion: Companion? = nil, prepare: (@Sendable (Database) throws -> [Route])? = nil,
        _ work: @escaping @Sendable (Database, inout Effects) throws -> Result
    ) async throws(StoreFailure) -> Result {
        let slot = Slot<Result>()
        let failure: StoreFailure? = await withCheckedContinuation { continuation in
            submit(
                Piece(
                    spool: spool, prepare: prepare, companion: companion, work: { db, effects in slot.set(try work(db, &effects)) },
                    done: { continuation.resume(returning: $0) }))
        }
        if let failure { throw failure }
        guard let result = slot.take() else { throw .ioError("no result") }
        return result
    }

    /// The same, for those who can't wait.
    func inBetween(_ body: @escaping @Sendable (Database) -> Void) {
        queue.async {
            guard !self.isOver.load(ordering: .acquiring) else { return }
            self.pool.writeWithoutTransaction { body($0) }
        }
    }

    /// Runs on the writer's own connection between batches, outside of a transaction.
    func between<Result: Sendable>(_ body: @escaping @Sendable (Database) throws -> Result) async throws(StoreFailure) -> Result {
        let result: Swift.Result<Result, StoreFailure> = await withCheckedContinuation { continuation in
            queue.async {
                guard !self.isOver.load(ordering: .acquiring) else { return continuation.resume(returning: .failure(.closed)) }
                do {
                    continuation.resume(returning: .success(try self.pool.writeWithoutTransaction { try body($0) }))
                } catch {
                    continuation.resume(returning: .failure(storeFailure(error)))
                }
            }
        }
        return try result.get()
    }

    /// Looks whether another process has written since the last batch or look; the hook is told.
    func look() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async {
                let hasChanged = self.state.withLock { state in
                    !self.isOver.load(ordering: .acquiring)
                        && (try? self.pool.writeWithoutTransaction { try self.notice($0, &state) }) ?? false
                }
                if hasChanged { self.hooks.noticed() }
                continuation.resume()
            }
        }
    }

    /// Finishes what waits, and refuses everything later: the connection may be closed then.
    func close() async {
        waiting.withLock { $0.isClosed = true }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async {
                self.drain()
                self.isOver.store(true, ordering: .releasing)
                continuation.resume()
            }
        }
    }

    private func drain() {
        while true {
            let batch = waiting.withLock { waiting in
                let batch = Array(waiting.pieces.prefix(Self.batchLimit))
                waiting.pieces.removeFirst(batch.count)
                if batch.isEmpty { waiting.isScheduled = false }
                return batch
            }
            if batch.isEmpty { return }
            state.withLock { run(batch, &$0) }
        }
    }

    // MARK: One batch

    private func run(_ batch: [Piece], _ state: inout State) {
        var refusals = [StoreFailure?](repeating: nil, count: batch.count)
        var touched: Set<Int64> = []
        var hasChangedOutside = false
        do {
            if state.isInDoubt { try prove(&state) }
            try pool.writeWithoutTransaction { db in
                hooks.step(.begin)
                hasChangedOutside = try notice(db, &state)
                let places = try append(batch, &refusals, db, &state)
                do {
                    try transact(batch, places, &refusals, &touched, db, &state)
                } catch {
                    if db.isInsideTransaction { try? db.execute(sql: "ROLLBACK") }
                    state.registeredSegment = -1
                    throw error
                }
            }
        } catch {
            let failure = storeFailure(error)
            if case .ioError = failure { state.isInDoubt = true }
            for index in refusals.indices where refusals[index] == nil { refusals[index] = failure }
            touched = []
            hooks.failed(failure)
        }
        if hasChangedOutside { hooks.noticed() }
        for (piece, refusal) in zip(batch, refusals) { piece.done(refusal) }
        if !touched.isEmpty { hooks.wake(touched) }
        hooks.committed()
    }

    /// `PRAGMA data_version` moves only with other connections' commits.
    private func notice(_ db: Database, _ state: inout State) throws -> Bool {
        let version = try db.first("PRAGMA data_version") { $0.int(0) } ?? 0
        defer { state.dataVersion = version }
        return version != state.dataVersion
    }

    private func append(
        _ batch: [Piece], _ refusals: inout [StoreFailure?], _ db: Database, _ state: inout State
    ) throws -> [Int: [(id: Int64, place: Place)]] {
        var records: [PendingRecord] = []
        var owners: [Int] = []
        for (index, piece) in batch.enumerated() {
            guard piece.spool != nil || piece.prepare != nil else { continue }
            do {
                let routes = try piece.prepare?(db) ?? []
                guard let spool = piece.spool else { continue }
                var bodies = [(spool: spool, routes: routes)]
                if let companion = piece.companion { bodies.append((companion.spool, try companion.routes(db))) }
                for (spool, routes) in bodies {
                    state.bodyID += 1
                    records.append(
                        PendingRecord(
                            header: RecordHeader(
                                bodyID: state.bodyID, payloadLength: spool.count, checksum: spool.checksum, commit: state.commit + 1,
                                date: now(), routes: routes),
                            payload: spool.payload))
                    owners.append(index)
                }
            } catch let failure as SQLFailure where failure.endsTransaction {
                throw failure
            } catch {
                refusals[index] = storeFailure(error)
            }
        }
        guard !records.isEmpty else { return [:] }
        guard let log else { throw StoreFailure.ioError("bodies are the running server's") }
        // Where another process holds the database, no body is left behind without an index. The lock is not kept: the sqlite3 tool shall
        // not wait while bodies are synchronised.
        try db.run("BEGIN IMMEDIATE")
        try db.run("ROLLBACK")
        state.commit += 1
        let places = try log.append(&records)
        hooks.step(.appended)
        do {
            // A body is durable before the index says that it is there.
            try log.synchronise()
        } catch {
            state.isInDoubt = true
            throw error
        }
        hooks.step(.synchronised)
        var result: [Int: [(id: Int64, place: Place)]] = [:]
        for (number, owner) in owners.enumerated() { result[owner, default: []].append((records[number].header.bodyID, places[number])) }
        return result
    }

    private func transact(
        _ batch: [Piece], _ places: [Int: [(id: Int64, place: Place)]], _ refusals: inout [StoreFailure?], _ touched: inout Set<Int64>,
        _ db: Database, _ state: inout State
    ) throws {
        try db.run("BEGIN IMMEDIATE")
        var live: [Int: Int] = [:]
        if let segment = places.first?.value.first?.place.segment {
            if segment != state.registeredSegment {
                try db.run("INSERT OR IGNORE INTO segment (id) VALUES (?)", .int(segment))
                state.registeredSegment = segment
            }
            try count(segment, db, state)
        }
        for (index, piece) in batch.enumerated() where refusals[index] == nil {
            let bodies = places[index] ?? []
            var effects = Effects(body: bodies.first, companion: bodies.count > 1 ? bodies.last : nil)
            do {
                try db.run("SAVEPOINT piece")
                try piece.work(db, &effects)
                try db.run("RELEASE piece")
                touched.formUnion(effects.touched)
                live.merge(effects.live) { $0 + $1 }
                // What a later piece of this batch may remove is counted before it does.
                if effects.mayBeRemoved {
                    try count(live, db)
                    live = [:]
                }
            } catch let failure as SQLFailure where failure.endsTransaction {
                throw failure
            } catch {
                refusals[index] = storeFailure(error)
                try db.run("ROLLBACK TO piece")
                try db.run("RELEASE piece")
            }
        }
        try count(live, db)
        hooks.step(.beforeCommit)
        try db.run("COMMIT")
        if !places.isEmpty { state.unindexed = nil }
        hooks.step(.committed)
    }

    private func count(_ live: [Int: Int], _ db: Database) throws {
        for (segment, bytes) in live { try db.run("UPDATE segment SET live = live + ? WHERE id = ?", .int(bytes), .int(segment)) }
    }

    /// Writes down which numbers are given, and what the commit counter passes that the index does not know.
    private func count(_ segment: Int, _ db: Database, _ state: State) throws {
        if let range = state.unindexed {
            try db.run("INSERT OR IGNORE INTO unindexed VALUES (?, ?)", .integer(range.lowerBound), .integer(range.upperBound))
        }
        try db.run(
            """
            UPDATE counter SET value = CASE name WHEN 'body' THEN ? WHEN 'segment' THEN ? ELSE ? END
            WHERE name IN ('body', 'segment', 'commit')
            """, .integer(state.bodyID), .int(segment), .integer(state.commit))
    }

    /// After a failed write nothing is taken in until a new segment and the database have proved writable; asked once a second at most.
    private func prove(_ state: inout State) throws {
        let now = DispatchTime.now().uptimeNanoseconds
        guard now >= state.nextProof else { throw StoreFailure.unavailable }
        state.nextProof = now + 1_000_000_000
        do {
            if let log {
                log.abandon()
                try log.prove()
            }
            try pool.writeWithoutTransaction { db in
                try db.run("BEGIN IMMEDIATE")
                if let segment = log?.currentID {
                    try count(segment, db, state)
                } else {
                    // Beside a server the numbers are not ours.
                    try db.run("UPDATE counter SET value = value WHERE name = 'commit'")
                }
                try db.run("COMMIT")
            }
            if log?.currentID != nil { state.unindexed = nil }
            state.isInDoubt = false
        } catch {
            try? pool.writeWithoutTransaction { db in if db.isInsideTransaction { try db.execute(sql: "ROLLBACK") } }
            throw StoreFailure.unavailable
        }
    }
}

/// A result on its way from the writer to who asked for it.
private final class Slot<Content: Sendable>: Sendable {
    private let content = Mutex<Content?>(nil)

    func set(_ value: Content) { content.withLock { $0 = value } }
    func take() -> Content? { content.withLock { $0.take() } }
}
