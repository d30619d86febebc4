import Dispatch
import GRDB
import GRDBSQLite
import Synchronization

/// Pages in the write-ahead log, as SQLite tells it after each commit of the writer's connection.
final class LogLength: Sendable {
    let pages = Atomic<Int>(0)

    /// Lives as long as the connection: the store holds it.
    func watch(_ db: Database) {
        sqlite3_wal_hook(
            db.sqliteConnection,
            { context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<LogLength>.fromOpaque(context).takeUnretainedValue().pages.store(Int(pages), ordering: .relaxed)
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }
}

extension MailStore {
    enum CheckpointKind { case passive, truncate }

    /// Pages in the log after which they are written back: 8 MiB.
    static let logLimit = 2_000

    /// After each batch, on the writer's thread: begins to write the log back when it has grown.
    func checkpointWhenDue() {
        guard logLength.pages.load(ordering: .relaxed) >= Self.logLimit,
            isCheckpointing.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
        else { return }
        checkpointQueue.async {
            self.writeBackPassively()
            // For the few frames that came meanwhile; then the log begins anew with the next commit.
            self.writer.inBetween { db in
                _ = try? db.checkpoint(.passive)
                self.isCheckpointing.store(false, ordering: .releasing)
            }
        }
    }

    /// On a connection of its own: deliveries go on beside it.
    private func writeBackPassively() {
        guard let queue = try? DatabaseQueue(path: directory + "/buzon.db") else { return }
        try? queue.inDatabase { db in _ = try db.checkpoint(.passive) }
        try? queue.close()
    }

    /// Writes the log back into the database. `passive` makes nobody wait; `truncate` leaves nothing of the log.
    func checkpoint(_ kind: CheckpointKind) async throws(StoreFailure) {
        switch kind {
        case .passive:
            try await blocking { self.writeBackPassively() }
            try await writer.between { db in _ = try db.checkpoint(.passive) }
        case .truncate:
            // A reader in the middle of a question holds it up for a moment: busy is not a failure.
            for _ in 0..<3 {
                do throws(StoreFailure) {
                    return try await writer.between { db in _ = try db.checkpoint(.truncate) }
                } catch  where error == .busy {
                    continue
                }
            }
        }
    }
}
