import CClamAV
import Glibc

/// What libfreshclam calls before it puts a database in its place: loads it once, and has it written to the disk.
///
/// Used by one thread.
final class DatabaseCheck {
    /// libclamav's tables in memory are larger than the compressed database that they come from.
    private static let growth: Int64 = 8
    /// Smaller ones are tested whatever the memory.
    private static let small: Int64 = 16 << 20

    private let directory: SignatureDirectory
    /// Its makers' signature has been checked: a test is a second look then.
    private let isSigned: Bool
    private(set) var isTested = false
    /// Lines, where a database names no count.
    private(set) var signatures = 0

    init(_ directory: SignatureDirectory, isSigned: Bool) {
        self.directory = directory
        self.isSigned = isSigned
    }

    func check(_ path: UnsafePointer<CChar>) -> fc_error_t {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return FC_EDBDIRACCESS }
        defer { close(descriptor) }
        // It is renamed at once when this returns; a power failure must not leave an empty file there.
        guard fsync(descriptor) == 0 else { return FC_EDBDIRACCESS }
        let size = Int64(lseek(descriptor, 0, SEEK_END))
        guard size >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else { return FC_EDBDIRACCESS }
        if isSigned, size > Self.small, size * Self.growth > Int64(clamping: MemoryGauge.machine()) { return FC_SUCCESS }
        let code = fc_test_database(path, 1)
        // Hundreds of MiB, for a moment.
        _ = malloc_trim(0)
        guard code == FC_SUCCESS else { return code }
        isTested = true
        if !isSigned { signatures = lines(descriptor) }
        return FC_SUCCESS
    }

    private func lines(_ descriptor: CInt) -> Int {
        var count = 0
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let length = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard length > 0 else { return count }
            count += buffer.prefix(length).count { $0 == UInt8(ascii: "\n") }
        }
    }
}
