import GRDB
import Glibc

/// What the segments say when the directory is opened.
struct Recovered {
    var bodyID: Int64
    var commit: Int64
    var lastSegment: Int
    /// Commit numbers of records that the index does not know, and are to be remembered before the counter passes them.
    var unindexed: ClosedRange<Int64>?
    /// The newest segment and where its records end.
    var newest: (id: Int, end: Int)?
}

/// Segments that lie in a folder, ascending.
func segmentNumbers(_ directory: String) throws -> [Int] {
    try DataDirectory.entries(directory).compactMap { name in
        name.hasSuffix(".seg") ? Int(name.dropLast(4)) : nil
    }.sorted()
}

/// Finds the end of the newest segment, and the highest numbers that any record has. Only what is torn at the newest one's very end is
/// cut off: bytes behind the last whole record and behind everything that the index refers to. Whole records that the index does not
/// know stay.
func recover(pool: DatabasePool, bodies: String) throws -> Recovered {
    let counters = try pool.read { db in
        try Dictionary(uniqueKeysWithValues: db.all("SELECT name, value FROM counter") { ($0.text(0), $0.int64(1)) })
    }
    let highest = try pool.read { try $0.first("SELECT coalesce(max(id), 0) FROM segment") { $0.int(0) } ?? 0 }
    let commit = counters["commit"] ?? 0
    var result = Recovered(bodyID: counters["body"] ?? 0, commit: commit, lastSegment: highest)
    let numbers = try segmentNumbers(bodies)
    guard let newest = numbers.last else { return result }
    result.lastSegment = max(highest, newest)
    // Records from after the last commit lie in the segment that it wrote to or in later ones: a compaction's target may be newer.
    for number in numbers where number != newest && number >= Int(counters["segment"] ?? 0) {
        let file = try OpenFile.open(SegmentLog.path(number, in: bodies), O_RDONLY)
        try SegmentReader.scan(file, from: RecordHeader.aligned(try pool.read { try $0.indexedEnd(of: number) })) { finding in
            if case .record(let header, _) = finding { result.raise(header) }
            return true
        }
    }
    let file = try OpenFile.open(SegmentLog.path(newest, in: bodies), O_RDWR)
    // Everything that the index refers to was durable before it did; so the search begins behind that.
    let known = try pool.read { try $0.indexedEnd(of: newest) }
    // A file that lost its end is left alone, for verify to tell: new bodies go to a new one.
    if known <= file.size {
        var end = min(RecordHeader.aligned(known), file.size)
        try SegmentReader.scan(file, from: end) { finding in
            guard case .record(let header, let position) = finding else { return true }
            guard try SegmentReader.isWhole(header, in: file, at: position) else { return true }
            end = position + header.recordLength
            result.raise(header)
            return true
        }
        let isTorn = end < file.size
        // Also gives back what a process that was killed had reserved.
        guard ftruncate(file.descriptor, off_t(min(end, file.size))) == 0, !isTorn || fsync(file.descriptor) == 0 else {
            throw FileFailure(errno: errno, call: "ftruncate")
        }
        result.newest = (newest, RecordHeader.aligned(end))
    }
    if result.commit > commit { result.unindexed = commit + 1...result.commit }
    return result
}

extension Recovered {
    /// No number is given twice.
    fileprivate mutating func raise(_ header: RecordHeader) {
        bodyID = max(bodyID, header.bodyID)
        commit = max(commit, header.commit)
    }
}

/// Which commit numbers belong to records that the index may not know and nobody may remove.
struct Unindexed: Sendable {
    private let commit: Int64
    private let ranges: [ClosedRange<Int64>]

    init(_ db: Database) throws {
        commit = try db.first("SELECT value FROM counter WHERE name = 'commit'") { $0.int64(0) } ?? 0
        ranges = try db.all("SELECT first, last FROM unindexed WHERE first <= last") { $0.int64(0)...$0.int64(1) }
    }

    func contains(_ number: Int64) -> Bool { number > commit || ranges.contains { $0.contains(number) } }
}

extension Database {
    /// Where the last record of a segment that the index refers to ends.
    fileprivate func indexedEnd(of segment: Int) throws -> Int {
        try first(
            "SELECT position + header + length FROM body WHERE segment_id = ? ORDER BY position DESC LIMIT 1", .int(segment)
        ) { $0.int(0) } ?? 0
    }
}
