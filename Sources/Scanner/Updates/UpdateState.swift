import FoundationEssentials
import Glibc

/// What is known of earlier updates, for the schedule and for people: `updates.json` beside the databases.
package struct UpdateState: Sendable, Hashable, Codable {
    static let file = "updates.json"
    private static let largest = 1 << 20

    package struct Source: Sendable, Hashable, Codable {
        /// Seconds since 1970; 0: never.
        package var checked: Int64 = 0
        package var succeeded: Int64 = 0
        /// In a row.
        package var failures = 0
        /// Not to be asked before, since the server said so.
        package var restUntil: Int64 = 0
        package var failure: UpdateFailure?
        /// Drawn at each check: when in the tenth behind its time the next one is.
        package var spread: Double = 0
        /// The settings that it was asked under (`UpdateSettings.fingerprint`).
        package var settings = ""
        /// The databases that came from it.
        package var files: [String] = []
    }

    /// By `UpdateSource.name`.
    package var sources: [String: Source] = [:]
    /// Grows whenever a database was changed, by whatever process.
    package var changes = 0
    /// Seconds since 1970; 0: never.
    package var changed: Int64 = 0

    package init() {}

    /// Nothing is known where the file is missing or no such file.
    package init(directory: String) {
        let descriptor = open(directory + "/" + Self.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        guard (0...Self.largest).contains(size) else { return }
        var bytes = [UInt8](repeating: 0, count: size)
        let count = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count == bytes.count, let state = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return }
        self = state
    }

    /// Whole or not at all.
    func write(directory: String) throws(UpdateFailure) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { throw UpdateFailure(.system, Self.file) }
        let path = directory + "/" + Self.file
        let new = path + ".new"
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SignatureDirectory.failure(errno, new) }
        defer { close(descriptor) }
        let bytes = [UInt8](data)
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw SignatureDirectory.failure(count < 0 ? errno : ENOSPC, new) }
        guard fsync(descriptor) == 0, rename(new, path) == 0 else { throw SignatureDirectory.failure(errno, path) }
    }

    /// Puts down how a check of `source` ended.
    mutating func note(_ source: UpdateSource, _ entries: [UpdateReport.Entry], _ settings: UpdateSettings, now: Int64, spread: Double) {
        var known = sources[source.name] ?? Source()
        known.checked = now
        known.spread = spread
        known.settings = settings.fingerprint(source)
        let failures = entries.compactMap(\.outcome.failure)
        if let failure = failures.first {
            known.failures += 1
            known.failure = failure
        } else {
            known.failures = 0
            known.failure = nil
            known.succeeded = now
        }
        known.restUntil = failures.filter(\.isRefusal).map(\.until).max() ?? 0
        for entry in entries where entry.outcome.isUpdate {
            if !known.files.contains(entry.file) { known.files.append(entry.file) }
            changes += 1
            changed = now
        }
        sources[source.name] = known
    }
}
