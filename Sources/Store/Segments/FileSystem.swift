import CEmbedded
import Glibc

/// A system call that failed.
package struct FileFailure: Error, Equatable, Sendable {
    package let errno: CInt
    package let call: String

    package init(errno: CInt, call: String) {
        self.errno = errno
        self.call = call
    }

    package var storeFailure: StoreFailure {
        errno == ENOSPC || errno == EDQUOT ? .diskFull : .ioError("\(call): \(String(cString: strerror(errno)))")
    }
}

/// The calls whose failure loses mail. A seam, so that tests can make each of them fail.
package protocol FileSystem: Sendable {
    /// Writes all of the bytes at an offset.
    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: Int) throws(FileFailure)
    /// Copies the first `count` bytes of a file to an offset of another, inside the kernel where it can.
    func copy(_ count: Int, from source: CInt, to descriptor: CInt, at offset: Int) throws(FileFailure)
    /// Returns when the file's bytes and size are durable. Never called again on a file where it failed.
    func synchronise(_ descriptor: CInt) throws(FileFailure)
    /// Bytes that may still be written where the file lies.
    func freeSpace(_ descriptor: CInt) -> Int
}

/// The kernel itself.
package struct KernelFileSystem: FileSystem {
    package init() {}

    package func write(_ bytes: UnsafeRawBufferPointer, to descriptor: CInt, at offset: Int) throws(FileFailure) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                throw FileFailure(errno: count == 0 ? ENOSPC : errno, call: "pwrite")
            }
        }
    }

    package func copy(_ count: Int, from source: CInt, to descriptor: CInt, at offset: Int) throws(FileFailure) {
        var from = 0
        var to = offset
        while from < count {
            let copied = copy_file_range(source, &from, descriptor, &to, UInt(count - from), 0)
            if copied > 0 || copied < 0 && errno == EINTR { continue }
            if copied < 0, errno == ENOSPC || errno == EDQUOT || errno == EIO { throw FileFailure(errno: errno, call: "copy_file_range") }
            // Across file systems, or on one that has no such call.
            return try copyThroughMemory(count, done: from, from: source, to: descriptor, at: offset)
        }
    }

    private func copyThroughMemory(_ count: Int, done: Int, from source: CInt, to descriptor: CInt, at offset: Int) throws(FileFailure) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var done = done
        while done < count {
            let got = pread(source, buffer.baseAddress, min(buffer.count, count - done), off_t(done))
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw FileFailure(errno: got == 0 ? EIO : errno, call: "pread") }
            try write(UnsafeRawBufferPointer(rebasing: buffer[..<got]), to: descriptor, at: offset + done)
            done += got
        }
    }

    package func synchronise(_ descriptor: CInt) throws(FileFailure) {
        if fdatasync(descriptor) != 0 { throw FileFailure(errno: errno, call: "fdatasync") }
    }

    package func freeSpace(_ descriptor: CInt) -> Int {
        var space = statvfs()
        guard fstatvfs(descriptor, &space) == 0 else { return .max }
        return Int(clamping: UInt64(space.f_bavail) * UInt64(space.f_frsize))
    }
}

/// <linux/falloc.h>
let keepSize: CInt = 1
/// <asm-generic/fcntl.h>
let nameless: CInt = 0o20_000_000 | O_DIRECTORY

/// An open file, closed when the last user lets go of it.
final class OpenFile: Sendable {
    let descriptor: CInt

    init(_ descriptor: CInt) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Opens, or says why not. Modes are 0600.
    static func open(_ path: String, _ flags: CInt) throws(FileFailure) -> OpenFile {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileFailure(errno: errno, call: "open \(path)") }
        return OpenFile(descriptor)
    }

    /// Bytes of the file; 0 when it can't be asked.
    var size: Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Reads until the buffer is full or the file ends; answers how many bytes.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileFailure) -> Int {
        var done = 0
        while done < buffer.count {
            let got = pread(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset + done))
            if got < 0, errno == EINTR { continue }
            if got < 0 { throw FileFailure(errno: errno, call: "pread") }
            if got == 0 { break }
            done += got
        }
        return done
    }

    /// The bytes, when all of them lie in the page cache: never waits for the disk. Nil otherwise.
    func readCached(_ count: Int, at offset: Int) -> [UInt8]? {
        // <bits/uio-ext.h> RWF_NOWAIT, which Swift's Glibc module lacks.
        let withoutWaiting: CInt = 8
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            var piece = iovec(iov_base: buffer.baseAddress, iov_len: count)
            filled = max(0, preadv2(descriptor, &piece, 1, offset, withoutWaiting))
        }
        return bytes.count == count ? bytes : nil
    }

    func read(_ count: Int, at offset: Int) throws(FileFailure) -> [UInt8] {
        var failure: FileFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(FileFailure) {
                filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
                filled = 0
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// Makes a directory's entries durable.
func synchroniseDirectory(_ path: String) throws(FileFailure) {
    let directory = try OpenFile.open(path, O_RDONLY | O_DIRECTORY)
    if fsync(directory.descriptor) != 0 { throw FileFailure(errno: errno, call: "fsync \(path)") }
}
