import Credentials
import GRDB
import Glibc

extension MailStore {
    /// A snapshot of at least this age stays, whatever the count.
    static let oldSnapshotAge = 48 * 3_600

    private static let unfinished = ".part"

    /// A consistent copy of buzon.db under snapshots/, which refers only to bodies that are durable. Written under another name,
    /// synchronised, then named by its time. Answers its path.
    @discardableResult
    package func takeSnapshot() async throws(StoreFailure) -> String {
        try await hashPendingPasswords()
        let folder = directory + "/snapshots"
        let pool = pool
        return try await blocking {
            // Two in one second don't meet: neither under this name, nor under the final one.
            let temporary = folder + "/" + randomBytes(8).map { String($0, radix: 16) }.joined(separator: "-") + Self.unfinished
            defer { for suffix in ["", "-journal", "-wal", "-shm"] { unlink(temporary + suffix) } }
            let copy = try DatabaseQueue(path: temporary)
            try pool.backup(to: copy)
            // A copy that stands for itself, and of which a password of the sqlite3 tool's is no part.
            let pending = try copy.inDatabase { db in
                try db.execute(sql: "PRAGMA journal_mode = DELETE")
                // Readable passwords come back with each user's next login; a copy would outlive their switch.
                try db.execute(sql: "PRAGMA secure_delete = ON")
                try db.execute(sql: "DELETE FROM plain_password")
                return try db.first("SELECT count(*) FROM user WHERE pending_password IS NOT NULL") { $0.int(0) } ?? 0
            }
            try copy.close()
            guard pending == 0 else { throw StoreFailure.busy }
            let file = try OpenFile.open(temporary, O_RDONLY)
            guard fsync(file.descriptor) == 0 else { throw FileFailure(errno: errno, call: "fsync \(temporary)") }
            var seconds = clockSeconds()
            var name = folder + "/" + snapshotName(seconds)
            // Not renamed, which would replace the other.
            while link(temporary, name) != 0 {
                guard errno == EEXIST else { throw FileFailure(errno: errno, call: "link \(name)") }
                seconds += 1
                name = folder + "/" + snapshotName(seconds)
            }
            unlink(temporary)
            try synchroniseDirectory(folder)
            return name
        }
    }

    /// What snapshots that were cut short have left. Called at the start.
    func removeUnfinishedSnapshots() throws {
        let folder = directory + "/snapshots"
        for name in try DataDirectory.entries(folder) where name.contains(Self.unfinished) { unlink("\(folder)/\(name)") }
    }

    /// Snapshots that are there, oldest first.
    func snapshots() throws -> [(path: String, time: Int)] {
        let folder = directory + "/snapshots"
        return try DataDirectory.entries(folder).compactMap { name in
            guard name.hasSuffix("Z.db"), let time = snapshotTime(name) else { return nil }
            return ("\(folder)/\(name)", time)
        }.sorted { $0.time < $1.time }
    }

    /// Removes snapshots that are neither among the newest, nor a day's first of the last three days, nor the newest of those that are old.
    func removeOldSnapshots() throws {
        let found = try snapshots()
        for index in snapshotsToRemove(found.map(\.time), now: clockSeconds(), count: integer(.snapshotCount)) { unlink(found[index].path) }
    }
}

/// Indexes into `times` (ascending).
func snapshotsToRemove(_ times: [Int], now: Int, count: Int) -> [Int] {
    var kept = Set(times.indices.suffix(count))
    if let old = times.lastIndex(where: { now - $0 >= MailStore.oldSnapshotAge }) { kept.insert(old) }
    // One of each day grows old, so that there is always one.
    var days: Set<Int> = []
    for (index, time) in times.enumerated() where now - time < MailStore.oldSnapshotAge && days.insert(time / 86_400).inserted {
        kept.insert(index)
    }
    return times.indices.filter { !kept.contains($0) }
}

/// `20261124T101500Z.db`.
private func snapshotName(_ seconds: Int) -> String {
    var time = time_t(seconds)
    var fields = tm()
    gmtime_r(&time, &fields)
    func digits(_ number: Int32, _ count: Int = 2) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
    return digits(fields.tm_year + 1_900, 4) + digits(fields.tm_mon + 1) + digits(fields.tm_mday) + "T" + digits(fields.tm_hour)
        + digits(fields.tm_min) + digits(fields.tm_sec) + "Z.db"
}

private func snapshotTime(_ name: String) -> Int? {
    let bytes = Array(name.utf8)
    guard bytes.count == 19, bytes[8] == UInt8(ascii: "T") else { return nil }
    func number(_ range: Range<Int>) -> Int32? { Int32(String(decoding: bytes[range], as: UTF8.self)) }
    guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), let hour = number(9..<11),
        let minute = number(11..<13), let second = number(13..<15)
    else { return nil }
    var fields = tm()
    fields.tm_year = year - 1_900
    fields.tm_mon = month - 1
    fields.tm_mday = day
    fields.tm_hour = hour
    fields.tm_min = minute
    fields.tm_sec = second
    return timegm(&fields)
}
