import Glibc

/// What `doctor` wants to know of a data directory. All sizes in bytes.
package struct Health: Sendable, Equatable {
    package var freeSpace: Int
    package var database: Int
    package var log: Int
    package var segments: Int
    package var live: Int
    package var snapshots: Int
    /// Seconds since 1970; nil when there is none.
    package var newestSnapshot: Int?
    /// Files and folders that others may read, or that belong to others.
    package var exposed: [String]
    package var isRoot: Bool
    package var domains: Int
    package var users: Int
    package var mailboxes: Int
    package var messages: Int
    package var queued: Int
    /// Messages in quarantine, and the room that they take there.
    package var quarantined: Int
    package var quarantineSize: Int
    package var usersWithoutPassword: Int
    /// Who can't use CRAM-MD5 and DIGEST-MD5, if they are offered.
    package var usersWithoutPlainPassword: Int
}

/// A process that reads the database, as the log's shared memory has it.
package struct LogReader: Sendable, Equatable {
    package var process: Int32
    /// Frames written since the moment that it sees: they can't be written over until it ends.
    package var framesBehind: Int
}

extension MailStore {
    package func health() async throws(StoreFailure) -> Health {
        let directory = directory
        let isRoot = isRoot
        let counts = try await read { db in
            try db.first(
                """
                SELECT (SELECT count(*) FROM domain), (SELECT count(*) FROM user), (SELECT count(*) FROM mailbox),
                    (SELECT coalesce(sum(messages), 0) FROM mailbox), (SELECT count(*) FROM outgoing), (SELECT coalesce(sum(live), 0) FROM segment),
                    (SELECT count(*) FROM user WHERE pending_password IS NULL
                        AND id NOT IN (SELECT user_id FROM credential UNION ALL SELECT user_id FROM password_hash)),
                    (SELECT count(*) FROM user WHERE id NOT IN (SELECT user_id FROM plain_password)),
                    (SELECT count(*) FROM quarantine), (SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'quarantine')
                """
            ) { row in (0..<10).map { row.int($0) } } ?? []
        }
        guard counts.count == 10 else { throw .ioError("no counts") }
        return try await blocking {
            let names = try DataDirectory.entries(directory)
            let bodies = try DataDirectory.entries(directory + "/bodies")
            let snapshots = try self.snapshots()
            let paths =
                [directory] + names.map { "\(directory)/\($0)" } + bodies.map { "\(directory)/bodies/\($0)" } + snapshots.map(\.path)
            return Health(
                freeSpace: freeSpace(directory), database: fileStatus(directory + "/buzon.db").size,
                log: fileStatus(directory + "/buzon.db-wal").size,
                segments: bodies.reduce(0) { $0 + fileStatus("\(directory)/bodies/\($1)").size }, live: counts[5],
                snapshots: snapshots.count,
                newestSnapshot: snapshots.last?.time, exposed: paths.filter { fileStatus($0).isExposed }, isRoot: isRoot,
                domains: counts[0], users: counts[1], mailboxes: counts[2], messages: counts[3], queued: counts[4], quarantined: counts[8],
                quarantineSize: counts[9],
                usersWithoutPassword: counts[6], usersWithoutPlainPassword: counts[7])
        }
    }

    /// Who reads the database, the oldest first. To be asked before the directory is opened in this process: closing the shared memory's
    /// file would drop SQLite's own locks on it.
    package static func logReaders(directory: String) -> [LogReader] {
        guard let file = try? OpenFile.open(directory + "/buzon.db-shm", O_RDWR), let index = try? file.read(136, at: 0), index.count == 136
        else { return [] }
        // https://www.sqlite.org/walformat.html: mxFrame at 16, read marks at 100, their locks from byte 123 on.
        let word: (Int) -> Int = { offset in
            index.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
        }
        let frames = word(16)
        return (0..<5).compactMap { slot in
            var query = flock()
            query.l_type = Int16(F_WRLCK)
            query.l_whence = Int16(SEEK_SET)
            query.l_start = 123 + slot
            query.l_len = 1
            guard fcntl(file.descriptor, F_GETLK, &query) == 0, query.l_type != Int16(F_UNLCK) else { return nil }
            // Slot 0 reads the database alone: nothing of the log is kept for it.
            return LogReader(process: query.l_pid, framesBehind: slot == 0 ? 0 : max(0, frames - word(100 + 4 * slot)))
        }.sorted { $0.framesBehind > $1.framesBehind }
    }
}

private func freeSpace(_ directory: String) -> Int {
    guard let file = try? OpenFile.open(directory, O_RDONLY | O_DIRECTORY) else { return 0 }
    return KernelFileSystem().freeSpace(file.descriptor)
}

private func fileStatus(_ path: String) -> (size: Int, isExposed: Bool) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return (0, false) }
    return (Int(status.st_size), status.st_mode & 0o077 != 0 || status.st_uid != geteuid())
}
