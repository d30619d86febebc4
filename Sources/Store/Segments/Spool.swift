import Credentials
import Filter
import Glibc
import Synchronization

/// A message on its way in: memory up to `memoryLimit`, then a file without a name in the data directory, so that nothing is
/// left of it after a crash. Its checksum is made while it grows. One task at a time appends; then it is delivered, or dropped.
package final class Spool: Sendable {
    package static let memoryLimit = 128 << 10
    /// Free space that is left for the index and for what was accepted before.
    package static let reservedSpace = 64 << 20
    private static let spaceCheckInterval = 1 << 20

    private struct Content: ~Copyable, Sendable {
        var memory: [UInt8] = []
        var file: OpenFile?
        var count = 0
        var nextSpaceCheck = 0
        var digest = SHA256Stream()
        var sum: [UInt8]?
        var origin: [UInt8]?
    }

    private let directory: String
    private let files: any FileSystem
    private let content = Mutex(Content())

    init(directory: String, files: any FileSystem) {
        self.directory = directory
        self.files = files
    }

    /// Bytes so far.
    package var count: Int { content.withLock { $0.count } }

    /// Fails with `.diskFull` or `.ioError`; the spool is of no use then.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(StoreFailure) {
        guard bytes.count > 0 else { return }
        do {
            try content.withLock { content throws(FileFailure) in
                if content.file == nil, content.count + bytes.count > Self.memoryLimit { try spill(&content) }
                if let file = content.file {
                    if content.count >= content.nextSpaceCheck {
                        guard files.freeSpace(file.descriptor) > Self.reservedSpace else {
                            throw FileFailure(errno: ENOSPC, call: "spool")
                        }
                        content.nextSpaceCheck = content.count + Self.spaceCheckInterval
                    }
                    try files.write(bytes, to: file.descriptor, at: content.count)
                } else {
                    content.memory.append(contentsOf: bytes)
                }
                content.digest.update(bytes)
                content.sum = nil
                content.count += bytes.count
            }
        } catch {
            throw error.storeFailure
        }
    }

    package func append(_ bytes: [UInt8]) throws(StoreFailure) {
        try append(bytes[...])
    }

    package func append(_ bytes: ArraySlice<UInt8>) throws(StoreFailure) {
        var failure: StoreFailure?
        bytes.withUnsafeBytes { bytes in
            do throws(StoreFailure) { try append(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// The bytes in one piece: the memory itself, or the file mapped.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let (memory, file, count) = content.withLock { ($0.memory, $0.file, $0.count) }
        guard let file else { return try memory.withUnsafeBytes { try body($0) } }
        guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor, 0), address != MAP_FAILED else {
            throw StoreFailure.ioError("mmap: \(String(cString: strerror(errno)))")
        }
        defer { munmap(address, count) }
        return try body(UnsafeRawBufferPointer(start: address, count: count))
    }

    /// What the writer appends.
    var payload: PendingRecord.Payload {
        content.withLock { content in
            if let file = content.file { return .file(file) }
            return .memory(content.memory)
        }
    }

    var checksum: [UInt8] { Array(digest.prefix(RecordHeader.checksumLength)) }

    /// SHA-256 of what was appended so far.
    package var digest: [UInt8] {
        content.withLock { content in
            if let sum = content.sum { return sum }
            let sum = content.digest.finish()
            content.sum = sum
            return sum
        }
    }

    /// That of the message which this one was made of; its own where it was made of none.
    package var mark: [UInt8] { content.withLock { $0.origin } ?? digest }

    /// It was made of another message.
    package func descend(from mark: [UInt8]) { content.withLock { $0.origin = mark } }

    private func spill(_ content: inout Content) throws(FileFailure) {
        let file = try OpenFile.open(directory, nameless | O_RDWR)
        var failure: FileFailure?
        content.memory.withUnsafeBytes { bytes in
            do throws(FileFailure) { try files.write(bytes, to: file.descriptor, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        content.file = file
        content.memory = []
    }
}

extension Spool: InspectedContent {}
