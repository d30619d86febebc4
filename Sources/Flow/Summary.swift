import Mail
import Store

/// The one pass over a message that finds what is kept beside it.
enum Summary {
    /// A message in memory is summarised faster than a thread changes hands; a larger one on the workshop's threads.
    static func of(_ spool: Spool, _ workshop: Workshop) async throws(StoreFailure) -> MessageSummary {
        do {
            guard spool.count > Spool.memoryLimit else { return try summarise(spool) }
            return try await workshop.run { try summarise(spool) }
        } catch {
            throw error as? StoreFailure ?? .unavailable
        }
    }

    private static func summarise(_ spool: Spool) throws -> MessageSummary {
        try spool.withBytes { MessageSummary.summarise($0.assumingMemoryBound(to: UInt8.self)) }
    }
}
