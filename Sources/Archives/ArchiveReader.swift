import CArchive
import Filter
import Glibc
import Mail

/// One archive in memory, opened by libarchive.
final class ArchiveReader {
    /// What the content is taken for. Compressed files are formats of one member here: one filter, never two, so that work stays in
    /// proportion to what is read.
    enum Form: String {
        case zip, rar
        case sevenZip = "7z"
        case lha, tar, cpio
        case ar = "a"
        case gzip = "gz"
        case bzip2 = "bz2"
        case xz, lzma
        case lzip = "lz"
        case lz4
        case zstd = "zst"
        case compress = "Z"
        case rpm
        /// Formats that may begin with anything.
        case unmarked

        /// Whether skipping a member unpacks it.
        var isSolid: Bool { self == .sevenZip }
        /// Whether a member is to be read to its end before the next one, and none after one that is broken: libarchive 3.6.2 keeps what was
        /// unpacked of RAR 5 and not yet asked for, and hands it out when its memory belongs to somebody else.
        var isReadWhole: Bool { self == .rar }
        /// One member without a name of its own.
        var isFilter: Bool {
            switch self {
            case .gzip, .bzip2, .xz, .lzma, .lzip, .lz4, .zstd, .compress, .rpm: true
            case .zip, .rar, .sevenZip, .lha, .tar, .cpio, .ar, .unmarked: false
            }
        }
    }

    enum Step { case member, end, broken }

    /// What libarchive's callbacks work on.
    struct Source {
        let bytes: UnsafeRawBufferPointer
        let clock: Clock
        var position = 0
        var isLate = false
    }

    /// Bytes of one read: small, since decoders turn a block into a thousand before they ask for the next one.
    private static let block = 4096
    /// Broken headers that are passed over.
    private static let patience = 64

    private let archive: OpaquePointer
    private let source: UnsafeMutablePointer<Source>
    private var entry: OpaquePointer?
    private var retries = 0

    init?(_ bytes: UnsafeRawBufferPointer, _ form: Form, _ clock: Clock) {
        guard let archive = archive_read_new() else { return nil }
        self.archive = archive
        source = .allocate(capacity: 1)
        source.initialize(to: Source(bytes: bytes, clock: clock))
        guard Self.prepare(archive, form), open() else { return nil }
    }

    deinit {
        archive_read_free(archive)
        source.deinitialize(count: 1)
        source.deallocate()
    }

    private static func prepare(_ archive: OpaquePointer, _ form: Form) -> Bool {
        let filter: Int32? =
            switch form {
            case .gzip: ARCHIVE_FILTER_GZIP
            case .bzip2: ARCHIVE_FILTER_BZIP2
            case .xz: ARCHIVE_FILTER_XZ
            case .lzma: ARCHIVE_FILTER_LZMA
            case .lzip: ARCHIVE_FILTER_LZIP
            case .lz4: ARCHIVE_FILTER_LZ4
            case .zstd: ARCHIVE_FILTER_ZSTD
            case .rpm: ARCHIVE_FILTER_RPM
            case .zip, .rar, .sevenZip, .lha, .tar, .cpio, .ar, .compress, .unmarked: nil
            }
        if let filter {
            return archive_read_append_filter(archive, filter) == ARCHIVE_OK && archive_read_support_format_raw(archive) == ARCHIVE_OK
        }
        switch form {
        case .zip: return archive_read_support_format_zip(archive) == ARCHIVE_OK
        case .rar: return archive_read_support_format_rar(archive) == ARCHIVE_OK && archive_read_support_format_rar5(archive) == ARCHIVE_OK
        case .sevenZip: return archive_read_support_format_7zip(archive) == ARCHIVE_OK
        case .lha: return archive_read_support_format_lha(archive) == ARCHIVE_OK
        case .tar: return archive_read_support_format_tar(archive) == ARCHIVE_OK
        case .cpio: return archive_read_support_format_cpio(archive) == ARCHIVE_OK
        case .ar: return archive_read_support_format_ar(archive) == ARCHIVE_OK
        case .unmarked:
            return archive_read_support_format_tar(archive) == ARCHIVE_OK && archive_read_support_format_lha(archive) == ARCHIVE_OK
        // Its filter can't be put in place before there is something to read.
        case .compress:
            return archive_read_support_filter_compress(archive) == ARCHIVE_OK && archive_read_support_format_raw(archive) == ARCHIVE_OK
        case .gzip, .bzip2, .xz, .lzma, .lzip, .lz4, .zstd, .rpm: return false
        }
    }

    private func open() -> Bool {
        archive_read_set_callback_data(archive, source)
        archive_read_set_read_callback(archive) { archive, context, buffer in
            guard let context, let buffer else { return -1 }
            let source = context.assumingMemoryBound(to: Source.self)
            if source.pointee.isLate || source.pointee.clock.isOver {
                source.pointee.isLate = true
                return Int(ARCHIVE_FATAL)
            }
            let position = source.pointee.position
            let count = min(ArchiveReader.block, source.pointee.bytes.count - position)
            guard count > 0, let base = source.pointee.bytes.baseAddress else { return 0 }
            buffer.pointee = base + position
            source.pointee.position = position + count
            return count
        }
        archive_read_set_skip_callback(archive) { _, context, request in
            guard let context else { return 0 }
            let source = context.assumingMemoryBound(to: Source.self)
            let count = min(Int(clamping: request), source.pointee.bytes.count - source.pointee.position)
            guard count > 0 else { return 0 }
            source.pointee.position += count
            return Int64(count)
        }
        archive_read_set_seek_callback(archive) { _, context, offset, whence in
            guard let context else { return Int64(ARCHIVE_FATAL) }
            let source = context.assumingMemoryBound(to: Source.self)
            if source.pointee.isLate || source.pointee.clock.isOver {
                source.pointee.isLate = true
                return Int64(ARCHIVE_FATAL)
            }
            let count = source.pointee.bytes.count
            let origin = whence == SEEK_CUR ? source.pointee.position : whence == SEEK_END ? count : 0
            let (target, overflows) = origin.addingReportingOverflow(Int(clamping: offset))
            guard !overflows, target >= 0 else { return Int64(ARCHIVE_FATAL) }
            source.pointee.position = min(target, count)
            return Int64(source.pointee.position)
        }
        guard archive_read_open1(archive) == ARCHIVE_OK else { return false }
        // A stack of filters, which only `compress` can build here.
        return archive_filter_count(archive) <= 2
    }

    /// The time was over in the middle of something.
    var isLate: Bool { source.pointee.isLate }

    /// A header that only a password opens, or members that were met so.
    var isEncrypted: Bool {
        if archive_read_has_encrypted_entries(archive) > 0 { return true }
        guard let text = archive_error_string(archive) else { return false }
        return strstr(text, "ncrypt") != nil
    }

    func next() -> Step {
        while true {
            entry = nil
            // Where a name can't be converted, the library ends the process if memory was short the last time that something failed.
            errno = 0
            switch archive_read_next_header(archive, &entry) {
            case ARCHIVE_OK, ARCHIVE_WARN: return entry == nil ? .broken : .member
            case ARCHIVE_EOF: return .end
            case ARCHIVE_RETRY:
                retries += 1
                if retries > Self.patience { return .broken }
            default: return .broken
            }
        }
    }

    // MARK: The member

    /// Bytes that are no UTF-8 are read as windows-1252; none is dropped.
    var name: String {
        guard let entry else { return "" }
        if let bytes = archive_entry_pathname(entry) { return Self.text(UnsafeRawBufferPointer(start: bytes, count: strlen(bytes))) }
        guard let wide = archive_entry_pathname_w(entry) else { return "" }
        var scalars = String.UnicodeScalarView()
        var index = 0
        while wide[index] != 0, index < Self.nameLimit {
            scalars.append(Unicode.Scalar(UInt32(bitPattern: wide[index])) ?? "\u{FFFD}")
            index += 1
        }
        return String(scalars)
    }

    /// Longest name that is kept; of longer ones the beginning and the end.
    private static let nameLimit = 4096

    static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        var bytes = [UInt8](bytes)
        if bytes.count > nameLimit { bytes = Array(bytes.prefix(nameLimit / 2)) + bytes.suffix(nameLimit / 2) }
        return Charset.decode(bytes[...])
    }

    var isDirectory: Bool { entry.map { archive_entry_filetype($0) == S_IFDIR } ?? false }
    var isFile: Bool {
        guard let entry else { return false }
        let type = archive_entry_filetype(entry)
        return (type == S_IFREG || type == 0) && archive_entry_hardlink(entry) == nil
    }
    /// What a symbolic link leads to: the content of such a member, in formats that keep it there.
    var target: UnsafeRawBufferPointer {
        guard let entry, let text = archive_entry_symlink(entry) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: text, count: strlen(text))
    }
    var isMemberEncrypted: Bool { entry.map { archive_entry_is_encrypted($0) != 0 } ?? false }
    /// As the archive claims.
    var size: Int? {
        guard let entry, archive_entry_size_is_set(entry) != 0 else { return nil }
        return Int(clamping: max(0, archive_entry_size(entry)))
    }

    /// Bytes of the member's content: how many were put into `buffer`, 0 at its end, nil when it can't be read.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let count = archive_read_data(archive, buffer.baseAddress, buffer.count)
        return count < 0 ? nil : count
    }
}
