import GRDB
import GRDBSQLite

/// SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY, macros that Swift can't read.
private let uniqueViolation = SQLITE_CONSTRAINT | 8 << 8
private let primaryKeyViolation = SQLITE_CONSTRAINT | 6 << 8

/// What SQLite answered instead of doing it.
struct SQLFailure: Error {
    let code: CInt
    let extendedCode: CInt
    let message: String

    /// After these, SQLite may have rolled back more than the statement: the whole batch goes.
    var endsTransaction: Bool {
        switch code {
        case SQLITE_FULL, SQLITE_IOERR, SQLITE_NOMEM, SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_BUSY, SQLITE_READONLY, SQLITE_CANTOPEN,
            SQLITE_INTERRUPT, SQLITE_PROTOCOL:
            true
        default: false
        }
    }

    var storeFailure: StoreFailure {
        switch code {
        case SQLITE_FULL: .diskFull
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        case SQLITE_CONSTRAINT:
            extendedCode == uniqueViolation || extendedCode == primaryKeyViolation ? .alreadyExists : .invalid(message)
        default: .ioError("SQLite \(extendedCode): \(message)")
        }
    }
}

/// Whatever was thrown, as the store's own failure.
func storeFailure(_ error: any Error) -> StoreFailure {
    switch error {
    case let failure as StoreFailure: failure
    case let failure as SQLFailure: failure.storeFailure
    case let failure as FileFailure: failure.storeFailure
    case let failure as DatabaseError:
        SQLFailure(
            code: failure.resultCode.rawValue, extendedCode: failure.extendedResultCode.rawValue, message: failure.message ?? ""
        ).storeFailure
    default: .ioError("\(error)")
    }
}

/// A value bound to a statement.
enum Value {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    case null

    static func int(_ value: some BinaryInteger) -> Value { .integer(Int64(truncatingIfNeeded: value)) }
}

/// The columns of the row where a statement stands.
struct Columns {
    let statement: OpaquePointer

    func int(_ index: CInt) -> Int { Int(sqlite3_column_int64(statement, index)) }
    func int64(_ index: CInt) -> Int64 { sqlite3_column_int64(statement, index) }
    func isNull(_ index: CInt) -> Bool { sqlite3_column_type(statement, index) == SQLITE_NULL }

    func text(_ index: CInt) -> String {
        guard let bytes = sqlite3_column_text(statement, index) else { return "" }
        let length = Int(sqlite3_column_bytes(statement, index))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: length), as: UTF8.self)
    }

    func blob(_ index: CInt) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(statement, index) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, index))))
    }
}

/// Statements by their text, prepared once for each connection, stepped with SQLite's own calls: binding and reading
/// without an allocation for each value is what the delivery rate hangs on.
extension Database {
    /// Runs a statement to its end. Answers the number of rows it changed (triggers' not counted).
    @discardableResult
    func run(_ sql: String, _ values: Value...) throws -> Int {
        try forEach(sql, values) { _ in true }
        return Int(sqlite3_changes64(sqliteConnection))
    }

    /// The first row, or nil. The statement runs to its first row only; SQLite has made all changes of a RETURNING by then.
    func first<Result>(_ sql: String, _ values: Value..., read: (Columns) throws -> Result) throws -> Result? {
        var result: Result?
        try forEach(sql, values) { columns in
            result = try read(columns)
            return false
        }
        return result
    }

    func all<Result>(_ sql: String, _ values: Value..., read: (Columns) throws -> Result) throws -> [Result] {
        var result: [Result] = []
        try forEach(sql, values) { columns in
            result.append(try read(columns))
            return true
        }
        return result
    }

    /// Rows until `body` answers false.
    func forEach(_ sql: String, _ values: [Value], _ body: (Columns) throws -> Bool) throws {
        let cached = try cachedStatement(sql: sql)
        let statement = cached.sqliteStatement
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() {
            let code: CInt
            switch value {
            case .integer(let number): code = sqlite3_bind_int64(statement, CInt(index + 1), number)
            case .text(let text):
                code = withContiguousUTF8(text) { bytes in
                    sqlite3_bind_text(
                        statement, CInt(index + 1), UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self),
                        CInt(clamping: bytes.count), transient)
                }
            case .blob(let bytes):
                code = bytes.withUnsafeBytes {
                    $0.isEmpty
                        ? sqlite3_bind_zeroblob(statement, CInt(index + 1), 0)
                        : sqlite3_bind_blob64(statement, CInt(index + 1), $0.baseAddress, UInt64($0.count), transient)
                }
            case .null: code = sqlite3_bind_null(statement, CInt(index + 1))
            }
            if code != SQLITE_OK { throw failure(code) }
        }
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return }
            guard code == SQLITE_ROW else { throw failure(code) }
            if try !body(Columns(statement: statement)) { return }
        }
    }

    private func failure(_ code: CInt) -> SQLFailure {
        let extended = sqlite3_extended_errcode(sqliteConnection)
        return SQLFailure(code: code & 0xFF, extendedCode: extended, message: String(cString: sqlite3_errmsg(sqliteConnection)))
    }
}

/// SQLITE_TRANSIENT: SQLite takes a copy.
private var transient: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

private func withContiguousUTF8<Result>(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    var text = text
    return text.withUTF8 { bytes in
        if bytes.baseAddress != nil { return body(bytes) }
        // An empty text, which must not become NULL.
        var zero: UInt8 = 0
        return withUnsafePointer(to: &zero) { body(UnsafeBufferPointer(start: $0, count: 0)) }
    }
}
