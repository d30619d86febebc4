import GRDB
import Glibc

/// What the segments say when the directory is opened.
struct Recovered {
    var bodyID: Int64
    var commit: Int64
    var lastSegment: Int
    /// The newest segment and where its records end.
    var newest: (id: Int, end: Int)?
}

/// Segments that lie in a folder, ascending.
func segmentNumbers(_ directory: String) throws -> [Int] {
    try DataDirectory.entries(directory).compactMap { name in
        name.hasSuffix(".seg") ? Int(name.dropLast(4)) : nil
    }.sorted()
}

/// Finds the end of the newest segment. Only what is torn at its very end is cut off: bytes behind the last whole record and
/// behind everything that the index refers to. Whole records that the index does not know stay.
func recover(pool: DatabasePool, bodies: String) throws -> Recovered {
    let counters = try pool.read { db in
        try Dictionary(uniqueKeysWithValues: db.all("SELECT name, value FROM counter") { ($0.text(0), $0.int64(1)) })
    }
    let highest = try pool.read { try $0.first("SELECT coalesce(max(id), 0) FROM segment") { $0.int(0) } ?? 0 }
    var result = Recovered(bodyID: counters["body"] ?? 0, commit: counters["commit"] ?? 0, lastSegment: highest)
    let numbers = try segmentNumbers(bodies)
    guard let newest = numbers.last else { return result }
    result.lastSegment = max(highest, newest)
    let file = try OpenFile.open(SegmentLog.path(newest, in: bodies), O_RDWR)
    // Everything that the index refers to was durable before it did; so the search begins behind that.
    let known = try pool.read { db in
        try db.first(
            "SELECT position + header + length FROM body WHERE segment_id = ? ORDER BY position DESC LIMIT 1", .int(newest)
        ) { $0.int(0) } ?? 0
    }
    // A file that lost its end is left alone, for verify to tell: new bodies go to a new one.
    guard known <= file.size else { return result }
    var end = min(RecordHeader.aligned(known), file.size)
    try SegmentReader.scan(file, from: end) { finding in
        guard case .record(let header, let position) = finding else { return true }
        guard try SegmentReader.isWhole(header, in: file, at: position) else { return true }
        end = position + header.recordLength
        result.bodyID = max(result.bodyID, header.bodyID)
        result.commit = max(result.commit, header.commit)
        return true
    }
    let isTorn = end < file.size
    // Also gives back what a process that was killed had reserved.
    guard ftruncate(file.descriptor, off_t(end)) == 0, !isTorn || fsync(file.descriptor) == 0 else {
        throw FileFailure(errno: errno, call: "ftruncate")
    }
    result.newest = (newest, RecordHeader.aligned(end))
    return result
}
