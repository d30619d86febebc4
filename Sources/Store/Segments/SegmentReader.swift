import Credentials
import Glibc
import Synchronization

/// Reads bodies. Keeps the most recently used segments open.
final class SegmentReader: Sendable {
    private static let maximumOpen = 64

    private struct Cache {
        var files: [Int: OpenFile] = [:]
        var order: [Int] = []
    }

    private let directory: String
    private let cache = Mutex(Cache())

    init(directory: String) { self.directory = directory }

    /// A segment's file if it is open already.
    func openFile(_ segment: Int) -> OpenFile? { cache.withLock { $0.files[segment] } }

    func file(_ segment: Int) throws(FileFailure) -> OpenFile {
        if let file = cache.withLock({ $0.files[segment] }) { return file }
        let file = try OpenFile.open(SegmentLog.path(segment, in: directory), O_RDONLY)
        cache.withLock { cache in
            if cache.files.updateValue(file, forKey: segment) == nil { cache.order.append(segment) }
            if cache.order.count > Self.maximumOpen { cache.files[cache.order.removeFirst()] = nil }
        }
        return file
    }

    /// Lets go of a segment that is about to be removed.
    func forget(_ segment: Int) {
        cache.withLock { cache in
            cache.files[segment] = nil
            cache.order.removeAll { $0 == segment }
        }
    }

    /// The header of the record at a place; nil when none is there.
    static func header(in file: OpenFile, at position: Int) throws(FileFailure) -> RecordHeader? {
        let start = try file.read(RecordHeader.fixedLength, at: position)
        guard let length = start.withUnsafeBytes({ RecordHeader.claimedLength($0) }) else { return nil }
        return RecordHeader(decoding: try file.read(length, at: position))
    }

    /// Whether the payload is the one that the header was written for. Reads it in pieces.
    static func isWhole(_ header: RecordHeader, in file: OpenFile, at position: Int) throws(FileFailure) -> Bool {
        var stream = SHA256Stream()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var done = 0
        while done < header.payloadLength {
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, header.payloadLength - done)])
            let got = try file.read(into: part, at: position + header.length + done)
            guard got == part.count else { return false }
            stream.update(UnsafeRawBufferPointer(part))
            done += got
        }
        return stream.finish().prefix(RecordHeader.checksumLength).elementsEqual(header.checksum)
    }

    /// What `scan` found at a place.
    enum Finding {
        case record(RecordHeader, position: Int)
        /// Bytes that are no record: torn, or damaged.
        case damage(Range<Int>)
    }

    /// Walks a segment's headers from a record's beginning to the end of the file, in pieces. Behind damage it looks for the
    /// next header at each multiple of 8. `body` answers false to stop.
    static func scan(_ file: OpenFile, from start: Int, _ body: (Finding) throws -> Bool) throws {
        let end = file.size
        var position = start
        while position < end {
            if let header = try header(in: file, at: position), position + header.length + header.payloadLength <= end {
                guard try body(.record(header, position: position)) else { return }
                position += header.recordLength
                continue
            }
            let next = try nextHeader(in: file, after: position, end: end)
            guard try body(.damage(position..<next)) else { return }
            position = next
        }
    }

    private static func nextHeader(in file: OpenFile, after position: Int, end: Int) throws(FileFailure) -> Int {
        var offset = RecordHeader.aligned(position + 1)
        while offset < end {
            let chunk = try file.read(min(256 << 10, end - offset), at: offset)
            if chunk.isEmpty { return end }
            var index = 0
            while index + 8 <= chunk.count {
                if chunk[index] == RecordHeader.magic[0], chunk[index..<index + 8].elementsEqual(RecordHeader.magic),
                    let header = try header(in: file, at: offset + index),
                    offset + index + header.length + header.payloadLength <= end
                {
                    return offset + index
                }
                index += 8
            }
            offset += max(index, 8)
        }
        return end
    }
}
