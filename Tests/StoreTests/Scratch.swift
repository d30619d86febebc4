import Glibc
import Mail
import Synchronization
import Testing

@testable import Store

/// A data directory of its own for each test, removed at the end.
final class Scratch: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/buzon-store-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
        }
    }

    deinit { _ = system("rm -rf '\(path)'") }

    func open(
        files: any FileSystem = KernelFileSystem(), step: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> MailStore {
        var options = MailStore.Options()
        options.keepsHouse = false
        return try await MailStore.open(directory: path + "/data", options: options, files: files, step: step)
    }

    /// A store with the domain virtual.test and usuario@virtual.test.
    func populated(files: any FileSystem = KernelFileSystem(), step: @escaping @Sendable (String) -> Void = { _ in }) async throws -> (
        MailStore, UserID
    ) {
        let store = try await open(files: files, step: step)
        try await store.set(.iterations, to: "4096")
        try await store.addDomain("virtual.test")
        return (store, try await store.addUser("usuario@virtual.test", password: Array("secreto".utf8)))
    }

    /// As `populated`, and the directory is copied to `killed` when the writer next reaches the step after `arm`: what a process that is
    /// killed there leaves behind.
    func populated(copiedAt step: Writer.Step) async throws -> (store: MailStore, user: UserID, arm: @Sendable () -> Void) {
        let isArmed = Mutex(false)
        let path = path
        let (store, user) = try await populated { reached in
            guard reached == step.rawValue, isArmed.withLock({ $0 }) else { return }
            isArmed.withLock { $0 = false }
            _ = system("cp -a '\(path)/data' '\(path)/killed'")
        }
        return (store, user, { isArmed.withLock { $0 = true } })
    }

    /// Runs SQL with Debian's sqlite3 tool: its exit status and what it printed.
    @discardableResult
    func sqlite3(_ sql: String, database: String = "data/buzon.db") -> (status: CInt, output: String) {
        let script = path + "/script.sql"
        let output = path + "/output"
        write(sql, to: script)
        let status = system("sqlite3 -bail -cmd '.timeout 5000' '\(path)/\(database)' < '\(script)' > '\(output)' 2>&1")
        return (status, String(decoding: bytes(output), as: UTF8.self))
    }

    func write(_ text: String, to file: String) {
        guard let stream = fopen(file, "w") else { return }
        fputs(text, stream)
        fclose(stream)
    }

    /// Puts one file in the place of another, with no write-ahead log of either.
    func move(_ file: String, to place: String) {
        _ = system("rm -f '\(path)/\(place)'* && mv '\(path)/\(file)' '\(path)/\(place)' && rm -f '\(path)/\(file)'-*")
    }

    func bytes(_ file: String) -> [UInt8] {
        guard let file = try? OpenFile.open(file, O_RDONLY) else { return [] }
        return (try? file.read(file.size, at: 0)) ?? []
    }
}

extension MailStore {
    func spool(_ text: String) throws -> Spool {
        let spool = spool()
        try spool.append(Array(text.utf8))
        return spool
    }

    @discardableResult
    func deliver(_ text: String, to users: [UserID], prefix: String = "") async throws -> Receipt {
        try await deliver(
            Delivery(
                spool: spool(text), envelope: Array("(env)".utf8), structure: Array("structure".utf8),
                date: InternalDate(seconds: 1_000_000),
                recipients: users.map { Delivery.Recipient(user: $0, prefix: Array(prefix.utf8)) }))
    }

    /// The whole of a message, as a reader sees it.
    func text(_ row: MessageRow) async throws -> String {
        var bytes: [UInt8] = []
        while bytes.count < row.size { bytes += try await read(row.body, bytes.count..<row.size) }
        return String(decoding: bytes, as: UTF8.self)
    }

    func inbox(_ user: UserID) async throws -> MailboxID { try await status(user, "INBOX").id }

    func rows(_ mailbox: MailboxID, _ fields: Fields = [.flags, .body, .envelope, .structure, .size]) async throws -> [MessageRow] {
        try await messages(mailbox, UIDSet(1...UID.max), fields)
    }
}
