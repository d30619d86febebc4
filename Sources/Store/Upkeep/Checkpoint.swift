import GRDB
import GRDBSQLite

extension MailStore {
    enum CheckpointKind { case passive, truncate }

    /// Writes the log back into the database. `passive` never waits and never makes anybody wait: first on a connection of its own,
    /// then, for the few frames that came meanwhile, between two batches; the log begins anew with the next commit then.
    /// `truncate` leaves nothing of it.
    func checkpoint(_ kind: CheckpointKind) async throws(StoreFailure) {
        switch kind {
        case .passive:
            let path = directory + "/buzon.db"
            try await blocking {
                let queue = try DatabaseQueue(path: path)
                try queue.inDatabase { db in _ = try db.checkpoint(.passive) }
                try queue.close()
            }
            try await writer.between { db in _ = try db.checkpoint(.passive) }
        case .truncate:
            // A reader in the middle of a question holds it up for a moment: busy is not a failure.
            for _ in 0..<3 {
                do throws(StoreFailure) {
                    try await writer.between { db in _ = try db.checkpoint(.truncate) }
                    return
                } catch  where error == .busy {
                    continue
                }
            }
        }
    }
}
