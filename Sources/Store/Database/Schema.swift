import CEmbedded
import GRDB
import GRDBSQLite

/// Versions of buzon.db. What was shipped stays as it is; a change is one more entry.
enum Schema {
    /// "Buzo", so that `file` can tell whose database it is.
    static let applicationID = 0x4275_7A6F
    static let migrations: [@Sendable () -> String] = [
        { embedded(buzon_schema_start, buzon_schema_end) },
        { embedded(buzon_schema_2_start, buzon_schema_2_end) },
        { embedded(buzon_schema_3_start, buzon_schema_3_end) },
    ]
    static var version: Int { migrations.count }

    private static func embedded(_ start: UnsafePointer<UInt8>?, _ end: UnsafePointer<UInt8>?) -> String {
        guard let start, let end else { return "" }
        return String(decoding: UnsafeBufferPointer(start: start, count: end - start), as: UTF8.self)
    }

    /// Brings a database to the newest version, each step in a transaction of its own.
    static func migrate(_ db: Database, isNew: Bool) throws {
        let found = try db.first("PRAGMA user_version") { $0.int(0) } ?? 0
        guard found <= version else { throw StoreFailure.newerSchema(found: found, known: version) }
        let application = try db.first("PRAGMA application_id") { $0.int(0) } ?? 0
        guard application == applicationID || found == 0 else { throw StoreFailure.foreignDirectory }
        for (number, migration) in migrations.enumerated().dropFirst(found) {
            try db.inTransaction(.immediate) {
                try db.execute(sql: migration())
                try db.execute(sql: "PRAGMA application_id = \(applicationID)")
                try db.execute(sql: "PRAGMA user_version = \(number + 1)")
                return .commit
            }
        }
    }
}

/// Opens buzon.db: a connection for the writer and at most three for readers.
func openDatabase(directory: String, options: MailStore.Options, isNew: Bool) throws -> DatabasePool {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = true
    configuration.busyMode = .timeout(options.busyTimeout)
    // Readers hold a connection for one short question each; more of them would only cost memory.
    configuration.maximumReaderCount = options.role == .server ? 3 : 1
    configuration.persistentReadOnlyConnections = true
    configuration.prepareDatabase { db in
        try db.execute(sql: "PRAGMA cache_size = -4096")
        try db.execute(sql: "PRAGMA mmap_size = 0")
        // A password that was replaced leaves no copy in a free page.
        try db.execute(sql: "PRAGMA secure_delete = ON")
    }
    let path = directory + "/buzon.db"
    if !isNew { try refuseNewer(path, busyTimeout: options.busyTimeout) }
    let pool = try DatabasePool(path: path, configuration: configuration)
    try pool.writeWithoutTransaction { db in
        try Schema.migrate(db, isNew: isNew)
        // GRDB sets NORMAL once the pool is open, so FULL comes after it.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        // Checkpoints have a connection of their own, off the path of deliveries.
        try db.execute(sql: "PRAGMA wal_autocheckpoint = \(options.role == .server ? 0 : 1000)")
        try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
        guard try db.first("PRAGMA synchronous", read: { $0.int(0) }) == 2 else { throw StoreFailure.ioError("synchronous is not FULL") }
        guard try db.first("PRAGMA journal_mode", read: { $0.text(0) }) == "wal" else {
            throw StoreFailure.ioError("journal_mode is not WAL")
        }
    }
    return pool
}

/// A database of a newer version is not even switched to our journal mode. Opened for writing, as a start that was killed may have
/// left a journal to be rolled back first.
private func refuseNewer(_ path: String, busyTimeout: Double) throws {
    var configuration = Configuration()
    configuration.busyMode = .timeout(busyTimeout)
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    let found = try queue.inDatabase { try $0.first("PRAGMA user_version") { $0.int(0) } ?? 0 }
    try queue.close()
    guard found <= Schema.version else { throw StoreFailure.newerSchema(found: found, known: Schema.version) }
}
