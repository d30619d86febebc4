import Glibc

/// `freshclam.dat`: an identifier that ClamAV's servers are told, and when they want to be asked again. Its format is libfreshclam's:
/// 13 bytes, then a version, the identifier and a `time_t` at its natural place.
enum FreshclamMemory {
    private static let magic = Array("FreshClamData".utf8)
    private static let timeOffset = 13 + 48
    private static let version: [UInt8] = [1, 0, 0, 0]

    /// Seconds since 1970; 0: none.
    static func rest(_ directory: SignatureDirectory) -> Int64 {
        open(directory, O_RDONLY) { descriptor in
            var time: Int64 = 0
            let count = withUnsafeMutableBytes(of: &time) { pread(descriptor, $0.baseAddress, $0.count, off_t(timeOffset)) }
            return count == 8 ? max(0, time) : 0
        } ?? 0
    }

    static func forgetRest(_ directory: SignatureDirectory) {
        _ = open(directory, O_RDWR) { descriptor in
            var time: Int64 = 0
            return withUnsafeMutableBytes(of: &time) { pwrite(descriptor, $0.baseAddress, $0.count, off_t(timeOffset)) }
        }
    }

    private static func open<Result>(_ directory: SignatureDirectory, _ flags: CInt, _ body: (CInt) -> Result) -> Result? {
        let descriptor = Glibc.open(directory.path + "/freshclam.dat", flags | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: magic.count + version.count)
        let count = head.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        guard count == head.count, head == magic + version, lseek(descriptor, 0, SEEK_END) >= timeOffset + 8 else { return nil }
        return body(descriptor)
    }
}
