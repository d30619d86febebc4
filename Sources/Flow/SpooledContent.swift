import Mail
import Store

/// A message that is not stored yet, with header fields of ours before it.
struct SpooledContent: ContentSource {
    var prefix: [UInt8] = []
    var spool: Spool
    var workshop: Workshop

    var count: Int { prefix.count + spool.count }

    func read(at offset: Int, limit: Int) async throws -> [UInt8] {
        if offset < prefix.count { return Array(prefix[offset...].prefix(limit)) }
        let start = offset - prefix.count
        return try await spool.read(workshop) { bytes in
            guard start < bytes.count else { return [] }
            return Array(bytes[start..<min(bytes.count, start + limit)])
        }
    }
}
