import GRDB
package import Mail

extension MailStore {
    /// As `read`, on the calling thread, which waits for the disk: for work that has a thread of its own.
    package func readBlocking(_ body: BodyReference, _ range: Range<Int>) throws(StoreFailure) -> [UInt8] {
        let wanted = body.bounded(range)
        let pieces = body.pieces(wanted)
        if pieces.original.allSatisfy(\.isEmpty) { return pieces.prefix }
        // Compaction may have moved a place that is remembered: then the index knows.
        if let known = places[body.id], let bytes = try? bytes(pieces, at: known, body.id) { return bytes }
        do {
            guard let found = try pool.read({ try $0.place(body.id) }) else { throw StoreFailure.nonExistent }
            places[body.id] = found
            return try bytes(pieces, at: found, body.id)
        } catch {
            throw storeFailure(error)
        }
    }
}
