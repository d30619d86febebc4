import GRDB
import Synchronization

/// Counts the changes of domains, users, forwardings and settings, whoever made them.
final class Generation: Sendable {
    private let count = Atomic<UInt64>(0)

    var value: UInt64 { count.load(ordering: .acquiring) }
    func bump() { count.add(1, ordering: .acquiringAndReleasing) }
}

extension MailStore {
    /// What was looked up in the address book or the settings while this number stood still is still so: at once for changes made
    /// here, within half a second for those of another process.
    package var directoryGeneration: UInt64 { generation.value }

    /// As `writer.write`, for what the address book shows.
    func writeDirectory<Result: Sendable>(
        _ work: @escaping @Sendable (Database, inout Effects) throws -> Result
    ) async throws(StoreFailure) -> Result {
        defer { generation.bump() }
        return try await writer.write(work)
    }
}
