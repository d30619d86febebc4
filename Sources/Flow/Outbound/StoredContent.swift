import Mail
import Store

/// A message of the queue as it leaves: our trace fields, then the original.
struct StoredContent: ContentSource {
    let store: MailStore
    let body: BodyReference

    var count: Int { body.size }

    func read(at offset: Int, limit: Int) async throws -> [UInt8] {
        try await store.read(body, offset..<min(body.size, offset + min(limit, MailStore.readLimit)))
    }
}
