import Dispatch
import GRDB
package import Mail
import Synchronization

/// Where bodies lie, for those that are being read. Compaction forgets what it moves.
final class PlaceCache: Sendable {
    private static let limit = 16_384
    private let places = Mutex<[Int64: Place]>([:])

    subscript(id: Int64) -> Place? {
        get { places.withLock { $0[id] } }
        set {
            places.withLock { places in
                if places.count >= Self.limit { places.removeAll(keepingCapacity: true) }
                places[id] = newValue
            }
        }
    }

    func insert(_ found: [(id: Int64, place: Place)]) {
        places.withLock { places in
            if places.count + found.count > Self.limit { places.removeAll(keepingCapacity: true) }
            for (id, place) in found { places[id] = place }
        }
    }

    func removeAll() { places.withLock { $0.removeAll() } }
}

extension MailStore {
    /// Rows in one answer.
    package static let pageLimit = 256
    /// Bytes in one `read`.
    package static let readLimit = 64 << 10

    /// Messages of the set that exist, ascending, the first `limit` of them.
    package func messages(
        _ mailbox: MailboxID, _ uids: UIDSet, _ fields: Fields, limit: Int = pageLimit
    ) async throws(StoreFailure) -> [MessageRow] {
        guard fields.contains(.body) else { return try await read { try $0.messages(mailbox.rawValue, uids, fields, limit: limit) } }
        let (rows, found) = try await read { db in
            var found: [(id: Int64, place: Place)] = []
            return (try db.messages(mailbox.rawValue, uids, fields, limit: limit) { found.append(($0, $1)) }, found)
        }
        // Whoever asks for what is needed to read bytes is about to read them.
        places.insert(found)
        return rows
    }

    /// All messages of the set, page by page, ascending; no transaction is open between pages. `body` answers false to stop.
    package func forEachRow(
        in mailbox: MailboxID, _ uids: UIDSet, _ fields: Fields, _ body: (MessageRow) async throws -> Bool
    ) async throws {
        var rest = uids
        while !rest.isEmpty {
            let page = try await messages(mailbox, rest, fields)
            for row in page where try await !body(row) { return }
            guard page.count == Self.pageLimit, let last = page.last?.uid, last < UID.max else { return }
            rest = rest.intersection(UIDSet(last + 1...UID.max))
        }
    }

    /// Bytes `range` of a message's concatenation: prefix, then the original without its hidden range. At most `readLimit`; what
    /// lies beyond the end is left out.
    package func read(_ body: BodyReference, _ range: Range<Int>) async throws(StoreFailure) -> [UInt8] {
        let pieces = body.pieces(body.bounded(range))
        if pieces.original.allSatisfy(\.isEmpty) { return pieces.prefix }
        if let known = places[body.id] {
            // What was received or read lately lies in the page cache: no need to wait on another thread for it.
            if let bytes = cachedBytes(pieces, at: known) { return bytes }
            do throws(StoreFailure) {
                return try await read(pieces, of: body, at: known)
            } catch {
                // Compaction may have moved it since: the index knows.
                places[body.id] = nil
            }
        }
        guard let found = try await read({ try $0.place(body.id) }) else { throw .nonExistent }
        places[body.id] = found
        return try await read(pieces, of: body, at: found)
    }

    private func read(
        _ pieces: (prefix: [UInt8], original: [Range<Int>]), of body: BodyReference, at place: Place
    ) async throws(StoreFailure) -> [UInt8] {
        try await blocking { try self.bytes(pieces, at: place, body.id) }
    }

    private func cachedBytes(_ pieces: (prefix: [UInt8], original: [Range<Int>]), at place: Place) -> [UInt8]? {
        guard let file = reader.openFile(place.segment) else { return nil }
        var bytes = pieces.prefix
        for part in pieces.original where !part.isEmpty {
            guard part.upperBound <= place.length,
                let got = file.readCached(part.count, at: place.position + place.header + part.lowerBound)
            else { return nil }
            if bytes.isEmpty { bytes = got } else { bytes += got }
        }
        return bytes
    }

    func bytes(_ pieces: (prefix: [UInt8], original: [Range<Int>]), at place: Place, _ id: Int64) throws -> [UInt8] {
        guard pieces.original.allSatisfy({ $0.upperBound <= place.length }) else { throw StoreFailure.ioError("body \(id): out of bounds") }
        let file = try reader.file(place.segment)
        var bytes = pieces.prefix
        for part in pieces.original where !part.isEmpty {
            let got = try file.read(part.count, at: place.position + place.header + part.lowerBound)
            guard got.count == part.count else { throw StoreFailure.ioError("body \(id): segment \(place.segment) is too short") }
            if bytes.isEmpty { bytes = got } else { bytes += got }
        }
        return bytes
    }

    /// Runs a call that may wait for the disk on one of a few threads of its own.
    func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws(StoreFailure) -> Result {
        let number = nextQueue.wrappingAdd(1, ordering: .relaxed).newValue
        let queue = readQueues[Int(UInt(bitPattern: number) % UInt(readQueues.count))]
        let result: Swift.Result<Result, StoreFailure> = await withCheckedContinuation { continuation in
            queue.async {
                do {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(storeFailure(error)))
                }
            }
        }
        return try result.get()
    }
}

extension BodyReference {
    /// A range inside the concatenation, of `MailStore.readLimit` bytes at most.
    func bounded(_ range: Range<Int>) -> Range<Int> {
        let range = range.clamped(to: 0..<max(size, 0))
        return range.lowerBound..<min(range.upperBound, range.lowerBound + MailStore.readLimit)
    }

    /// A range of the concatenation as bytes of the prefix and at most two ranges of the original.
    func pieces(_ range: Range<Int>) -> (prefix: [UInt8], original: [Range<Int>]) {
        let head = Array(prefix[range.clamped(to: 0..<prefix.count)])
        let start = max(range.lowerBound - prefix.count, 0)
        let end = max(range.upperBound - prefix.count, 0)
        guard end > start else { return (head, []) }
        guard let hidden, !hidden.isEmpty else { return (head, [start..<end]) }
        let before = start..<min(end, max(hidden.lowerBound, start))
        let after = max(start + hidden.count, hidden.upperBound)..<max(end + hidden.count, max(start + hidden.count, hidden.upperBound))
        return (head, [start < hidden.lowerBound ? before : start..<start, after])
    }
}

extension Database {
    func place(_ body: Int64) throws -> Place? {
        try first("SELECT segment_id, position, header, length FROM body WHERE id = ?", .integer(body)) { row in
            Place(segment: row.int(0), position: row.int(1), header: row.int(2), length: row.int(3))
        }
    }

    func messages(
        _ mailbox: Int64, _ uids: UIDSet, _ fields: Fields, limit: Int, located: ((Int64, Place) -> Void)? = nil
    ) throws -> [MessageRow] {
        var rows: [MessageRow] = []
        let needsBody = fields.contains(.body)
        let needsSummary = !fields.isDisjoint(with: [.envelope, .structure])
        let columns = "message.id, modseq, flags, keywords, date, zone, size, body_id, length(prefix), hidden_start, hidden_end"
        let prefix = needsBody ? ", prefix" : ", ''"
        let envelope = fields.contains(.envelope) ? ", iif(message.envelope = x'', body.envelope, message.envelope)" : ", ''"
        let summary = needsSummary ? envelope + (fields.contains(.structure) ? ", structure" : ", ''") : ""
        let needsPlace = needsBody && located != nil
        let needsJoin = needsSummary || needsPlace
        let place = needsPlace ? ", segment_id, position, header, length" : ""
        let placeColumn: CInt = needsSummary ? 14 : 12
        let sql =
            "SELECT \(columns)\(prefix)\(summary)\(place) FROM message \(needsJoin ? "JOIN body ON body.id = body_id" : "") "
            + "WHERE message.id BETWEEN ? AND ? ORDER BY message.id LIMIT ?"
        for range in uids.ranges {
            guard rows.count < limit else { break }
            let low = messageKey(mailbox, range.lowerBound)
            let high = messageKey(mailbox, range.upperBound)
            try forEach(sql, [.integer(low), .integer(high), .int(limit - rows.count)]) { row in
                let size = row.int(6)
                if needsPlace {
                    located?(
                        row.int64(7),
                        Place(
                            segment: row.int(placeColumn), position: row.int(placeColumn + 1), header: row.int(placeColumn + 2),
                            length: row.int(placeColumn + 3)))
                }
                let hidden = row.int(9)..<row.int(10)
                let reference = BodyReference(
                    id: row.int64(7), length: size - row.int(8) + hidden.count, prefix: needsBody ? row.blob(11) : [],
                    hidden: hidden.isEmpty ? nil : hidden)
                rows.append(
                    MessageRow(
                        uid: UID(truncatingIfNeeded: row.int64(0) & 0xFFFF_FFFF), modSeq: row.int64(1), flags: row.flags(2),
                        internalDate: InternalDate(seconds: row.int64(4), zoneMinutes: Int16(truncatingIfNeeded: row.int64(5))),
                        size: size, envelope: fields.contains(.envelope) ? row.blob(12) : [],
                        structure: fields.contains(.structure) ? row.blob(13) : [], body: reference))
                return true
            }
        }
        return rows
    }
}
