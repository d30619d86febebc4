import CEmbedded
import Glibc
import Synchronization

/// Where a body's record lies.
struct Place: Sendable, Equatable {
    var segment: Int
    /// Of the record's header.
    var position: Int
    var header: Int
    var length: Int
}

/// A record to be appended.
struct PendingRecord: Sendable {
    var header: RecordHeader
    var payload: Payload

    enum Payload: Sendable {
        case memory([UInt8])
        case file(OpenFile)
    }
}

/// The newest segment: where bodies are appended. Only the writer and the compactor call it, each for a segment of its own.
///
/// Space is reserved ahead with FALLOC_FL_KEEP_SIZE: a synchronisation is a quarter cheaper then, and the file's size stays the
/// log's end, so that reserved space can't be mistaken for a torn record.
final class SegmentLog: Sendable {
    private struct Current {
        let id: Int
        let file: OpenFile
        var end: Int
        var reserved: Int
        /// Bytes up to here are durable.
        var durable: Int
    }

    let directory: String
    private let files: any FileSystem
    private let limit: Mutex<Int>
    private let current = Mutex<Current?>(nil)
    /// The highest number that any segment has had.
    private let last: Mutex<Int>

    static let reservation = 4 << 20

    init(directory: String, files: any FileSystem, limit: Int, last: Int) {
        self.directory = directory
        self.files = files
        self.limit = Mutex(limit)
        self.last = Mutex(last)
    }

    static func name(_ id: Int) -> String {
        let digits = String(id)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".seg"
    }

    static func path(_ id: Int, in directory: String) -> String { "\(directory)/\(name(id))" }

    func setLimit(_ bytes: Int) { limit.withLock { $0 = bytes } }

    var currentID: Int? { current.withLock { $0?.id } }

    /// Continues a segment whose end recovery has found.
    func resume(_ id: Int, end: Int) throws(FileFailure) {
        let file = try OpenFile.open(Self.path(id, in: directory), O_RDWR)
        current.withLock { $0 = Current(id: id, file: file, end: end, reserved: end, durable: end) }
    }

    /// A number and an empty, durable file for it.
    func newSegment() throws(FileFailure) -> (id: Int, file: OpenFile) {
        let id = last.withLock { last in
            last += 1
            return last
        }
        let path = Self.path(id, in: directory)
        let file = try OpenFile.open(path, O_RDWR | O_CREAT | O_EXCL)
        do throws(FileFailure) {
            try synchroniseDirectory(directory)
        } catch {
            unlink(path)
            throw error
        }
        return (id, file)
    }

    /// Appends the records, in order, into one segment. Nothing is durable yet. When it throws, nothing was appended.
    func append(_ records: inout [PendingRecord]) throws(FileFailure) -> [Place] {
        guard !records.isEmpty else { return [] }
        var segment = try writable()
        let start = segment.end
        do throws(FileFailure) {
            var places: [Place] = []
            places.reserveCapacity(records.count)
            var output = Output(files: files, descriptor: segment.file.descriptor, position: segment.end)
            for index in records.indices {
                let header = records[index].header.encode()
                let length = records[index].header.payloadLength
                places.append(Place(segment: segment.id, position: output.position, header: header.count, length: length))
                try output.write(header)
                switch records[index].payload {
                case .memory(let bytes): try output.write(bytes)
                case .file(let file): try output.copy(length, from: file.descriptor)
                }
                try output.pad()
            }
            try output.flush()
            segment.end = output.position
            reserve(&segment)
            current.withLock { $0 = segment }
            return places
        } catch {
            // Back to where it was; a file that can't even be cut is not written to again.
            let isCut = ftruncate(segment.file.descriptor, off_t(start)) == 0
            segment.end = start
            segment.reserved = start
            current.withLock { $0 = isCut ? segment : nil }
            throw error
        }
    }

    /// Makes what was appended durable. When it throws, the segment is closed for ever: what the kernel lost it does not write again.
    func synchronise() throws(FileFailure) {
        guard var segment = current.withLock({ $0 }) else { return }
        do throws(FileFailure) {
            try files.synchronise(segment.file.descriptor)
            segment.durable = segment.end
            current.withLock { $0 = segment }
        } catch {
            _ = ftruncate(segment.file.descriptor, off_t(segment.durable))
            current.withLock { $0 = nil }
            throw error
        }
    }

    /// No more records for the current segment.
    func abandon() { current.withLock { if let segment = $0.take() { release(segment) } } }

    /// Gives back what was reserved behind a segment's end. An error only leaves the space reserved.
    private func release(_ segment: Current) {
        if segment.reserved > segment.end { _ = ftruncate(segment.file.descriptor, off_t(segment.end)) }
    }

    /// Opens a new segment and synchronises bytes in it, which are cut off again.
    func prove() throws(FileFailure) {
        let (id, file) = try newSegment()
        let path = Self.path(id, in: directory)
        do throws(FileFailure) {
            var failure: FileFailure?
            [UInt8](repeating: 0, count: 4_096).withUnsafeBytes { bytes in
                do throws(FileFailure) { try files.write(bytes, to: file.descriptor, at: 0) } catch { failure = error }
            }
            if let failure { throw failure }
            try files.synchronise(file.descriptor)
            if ftruncate(file.descriptor, 0) != 0 { throw FileFailure(errno: errno, call: "ftruncate") }
        } catch {
            unlink(path)
            throw error
        }
        current.withLock { $0 = Current(id: id, file: file, end: 0, reserved: 0, durable: 0) }
    }

    private func writable() throws(FileFailure) -> Current {
        let full = current.withLock { $0 }
        if let full, full.end < limit.withLock({ $0 }) { return full }
        let (id, file) = try newSegment()
        if let full { release(full) }
        let segment = Current(id: id, file: file, end: 0, reserved: 0, durable: 0)
        current.withLock { $0 = segment }
        return segment
    }

    private func reserve(_ segment: inout Current) {
        guard segment.end + Self.reservation / 4 > segment.reserved else { return }
        // Only a matter of speed: an error here will show when bytes are written.
        _ = fallocate(segment.file.descriptor, keepSize, segment.end, Self.reservation)
        segment.reserved = segment.end + Self.reservation
    }
}

/// Gathers small records into one write. At most `limit` bytes wait.
private struct Output {
    static let limit = 1 << 20

    let files: any FileSystem
    let descriptor: CInt
    var position: Int
    private var buffer: [UInt8] = []

    init(files: any FileSystem, descriptor: CInt, position: Int) {
        self.files = files
        self.descriptor = descriptor
        self.position = position
    }

    mutating func write(_ bytes: [UInt8]) throws(FileFailure) {
        buffer += bytes
        position += bytes.count
        if buffer.count >= Self.limit { try flush() }
    }

    mutating func copy(_ count: Int, from source: CInt) throws(FileFailure) {
        try flush()
        try files.copy(count, from: source, to: descriptor, at: position)
        position += count
    }

    mutating func pad() throws(FileFailure) {
        let count = RecordHeader.aligned(position) - position
        if count > 0 { try write([UInt8](repeating: 0, count: count)) }
    }

    mutating func flush() throws(FileFailure) {
        guard !buffer.isEmpty else { return }
        var failure: FileFailure?
        buffer.withUnsafeBytes { bytes in
            do throws(FileFailure) {
                try files.write(bytes, to: descriptor, at: position - bytes.count)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        buffer.removeAll(keepingCapacity: true)
    }
}
