import Credentials
import GRDB
import Glibc
import Synchronization

extension MailStore {
    /// Bodies moved in one transaction: deliveries wait for no more than that.
    private static let movesInOnePiece = 500
    /// Records that are looked up in the index before a segment is compacted; one with more of them stays.
    private static let maximumDoubtful = 10_000

    /// Segments whose bytes are mostly dead, except for the one that grows.
    func segmentsToCompact() async throws(StoreFailure) -> [Int] {
        let rows = try await read { try $0.all("SELECT id, live FROM segment WHERE retired = 0 ORDER BY id") { ($0.int(0), $0.int(1)) } }
        let percent = integer(.compactionPercent)
        let current = log?.currentID
        return rows.compactMap { id, live in
            guard id != current, !damagedSegments.withLock({ $0.contains(id) }), let file = try? reader.file(id) else { return nil }
            let size = max(file.size, 1)
            return live == 0 || (size - live) / max(size / 100, 1) >= percent ? id : nil
        }
    }

    /// Compacts what is due, one segment after the other. Answers how many. Fails with `.diskFull` when one would not fit, after the
    /// others.
    @discardableResult
    package func compact() async throws(StoreFailure) -> Int {
        var count = 0
        var isFull = false
        for segment in try await segmentsToCompact() {
            do throws(StoreFailure) {
                if try await compact(segment) { count += 1 }
            } catch .diskFull {
                isFull = true
            }
        }
        if isFull { throw .diskFull }
        return count
    }

    /// Moves a segment's live records to a new one, byte for byte, and retires it. False when it holds records from after this index
    /// (a restored copy): those are mail to recover.
    func compact(_ segment: Int) async throws(StoreFailure) -> Bool {
        guard let log else { return false }
        let reader = reader
        guard try await isIndexed(segment) else { return false }
        let live = try await read { try $0.first("SELECT live FROM segment WHERE id = ?", .int(segment)) { $0.int(0) } ?? 0 }
        try await blocking { try self.requireSpace(for: live, beside: try reader.file(segment)) }
        var target: (id: Int, file: OpenFile)?
        var end = 0
        var after: Int64 = 0
        while true {
            let start = after
            let bodies = try await read { db in
                try db.all(
                    "SELECT id, position, header, length FROM body WHERE segment_id = ? AND id > ? ORDER BY id LIMIT ?", .int(segment),
                    .integer(start), .int(Self.movesInOnePiece)
                ) { ($0.int64(0), Place(segment: segment, position: $0.int(1), header: $0.int(2), length: $0.int(3))) }
            }
            guard let last = bodies.last?.0 else { break }
            after = last
            let output: (id: Int, file: OpenFile)
            if let target {
                output = target
            } else {
                do throws(FileFailure) { output = try log.newSegment() } catch { throw error.storeFailure }
                target = output
                let id = output.id
                try await writer.write { db, _ in _ = try db.run("INSERT INTO segment (id) VALUES (?)", .int(id)) }
            }
            end = try await move(bodies, to: output, end: end)
        }
        let isRetired = try await writer.write { db, _ in
            try db.run("UPDATE segment SET retired = ? WHERE id = ? AND live = 0", .integer(now()), .int(segment)) > 0
        }
        // Something in it could not be moved: not tried again until the next start.
        if !isRetired { damagedSegments.withLock { _ = $0.insert(segment) } }
        places.removeAll()
        return true
    }

    /// Whether the index knows all of a segment's records that it has to know.
    private func isIndexed(_ segment: Int) async throws(StoreFailure) -> Bool {
        let reader = reader
        let unindexed = try await read { try Unindexed($0) }
        let doubtful = try await blocking {
            var doubtful: [(id: Int64, position: Int)] = []
            try SegmentReader.scan(try reader.file(segment), from: 0) { finding in
                if case .record(let header, let position) = finding, unindexed.contains(header.commit) {
                    doubtful.append((header.bodyID, position))
                }
                return doubtful.count < Self.maximumDoubtful
            }
            return doubtful
        }
        guard doubtful.count < Self.maximumDoubtful else { return false }
        return try await read { db in
            try doubtful.allSatisfy { record in
                let place = try db.place(record.id)
                return place?.segment == segment && place?.position == record.position
            }
        }
    }

    private func requireSpace(for bytes: Int, beside file: OpenFile) throws(FileFailure) {
        guard files.freeSpace(file.descriptor) - Spool.reservedSpace > bytes else { throw FileFailure(errno: ENOSPC, call: "compaction") }
    }

    private func move(_ bodies: [(Int64, Place)], to target: (id: Int, file: OpenFile), end: Int) async throws(StoreFailure) -> Int {
        let moved: (moved: [(id: Int64, from: Place, to: Place)], end: Int)
        do throws(StoreFailure) {
            moved = try await blocking { try self.copyRecords(bodies, to: target, end: end) }
        } catch {
            await abandon(target, end: end)
            throw error
        }
        // When this fails, the copies stay: of a failed commit it is not known for sure that it will not be there after a crash.
        try await writer.write { db, effects in
            var live = 0
            for (id, from, to) in moved.moved {
                // Deleted meanwhile: then its copy is dead from the beginning.
                let count = try db.run(
                    "UPDATE body SET segment_id = ?, position = ? WHERE id = ? AND segment_id = ? AND position = ?", .int(to.segment),
                    .int(to.position), .integer(id), .int(from.segment), .int(from.position))
                if count > 0 { live += to.header + to.length }
            }
            guard let from = bodies.first?.1.segment else { return }
            effects.live[target.id, default: 0] += live
            effects.live[from, default: 0] -= live
        }
        for (id, _) in bodies { places[id] = nil }
        return moved.end
    }

    /// The live records among these, byte for byte and durable, from `end` on.
    private func copyRecords(
        _ bodies: [(Int64, Place)], to target: (id: Int, file: OpenFile), end: Int
    ) throws -> (moved: [(id: Int64, from: Place, to: Place)], end: Int) {
        try requireSpace(for: bodies.reduce(0) { $0 + $1.1.header + $1.1.length }, beside: target.file)
        var end = end
        var moved: [(id: Int64, from: Place, to: Place)] = []
        for (id, place) in bodies {
            let source = try reader.file(place.segment)
            // A damaged record is not spread: it stays where it is, and verify tells of it.
            guard let header = try SegmentReader.header(in: source, at: place.position), header.bodyID == id,
                try SegmentReader.isWhole(header, in: source, at: place.position)
            else { continue }
            var done = 0
            while done < header.recordLength {
                var bytes = try source.read(min(1 << 20, header.recordLength - done), at: place.position + done)
                // The last record's padding may lie behind the file's end.
                if bytes.isEmpty { bytes = [UInt8](repeating: 0, count: header.recordLength - done) }
                try bytes.withUnsafeBytes { try files.write($0, to: target.file.descriptor, at: end + done) }
                done += bytes.count
            }
            moved.append((id, place, Place(segment: target.id, position: end, header: place.header, length: place.length)))
            end += header.recordLength
        }
        try files.synchronise(target.file.descriptor)
        return (moved, end)
    }

    /// Gives back the space of copies that nothing refers to: what lies behind the last committed end, or the whole file.
    private func abandon(_ target: (id: Int, file: OpenFile), end: Int) async {
        _ = ftruncate(target.file.descriptor, off_t(end))
        guard end == 0 else { return }
        let id = target.id
        let isUnused = try? await writer.write { db, _ in try db.run("DELETE FROM segment WHERE id = ? AND live = 0", .int(id)) > 0 }
        guard isUnused == true else { return }
        reader.forget(id)
        unlink(SegmentLog.path(id, in: directory + "/bodies"))
    }

    /// Removes retired segments' files once their time has passed and no snapshot refers to them. Answers which.
    @discardableResult
    package func removeRetiredSegments() async throws(StoreFailure) -> [Int] {
        let before = now() - Int64(integer(.compactionHours)) * 3_600
        let candidates = try await read { db in
            try db.all("SELECT id FROM segment WHERE retired > 0 AND retired <= ? AND live = 0", .integer(before)) { $0.int(0) }
        }
        guard !candidates.isEmpty else { return [] }
        let used = try await blocking {
            var used: Set<Int> = []
            for snapshot in try self.snapshots() {
                var configuration = Configuration()
                configuration.readonly = true
                let queue = try DatabaseQueue(path: snapshot.path, configuration: configuration)
                try queue.read { db in
                    for id in candidates
                    where try db.first("SELECT 1 FROM body WHERE segment_id = ? LIMIT 1", .int(id), read: { _ in true }) == true {
                        used.insert(id)
                    }
                }
                try queue.close()
            }
            return used
        }
        var removed: [Int] = []
        for id in candidates where !used.contains(id) {
            try await writer.write { db, _ in _ = try db.run("DELETE FROM segment WHERE id = ? AND live = 0", .int(id)) }
            reader.forget(id)
            unlink(SegmentLog.path(id, in: directory + "/bodies"))
            removed.append(id)
        }
        return removed
    }
}
