import CClamAV
import Glibc

/// `signatures/` in the data directory.
package struct SignatureDirectory: Sendable, Hashable {
    package let path: String
    var temporary: String { path + "/.updating" }

    package init(path: String) { self.path = path }

    /// A database and what its header says.
    package struct Database: Sendable, Hashable {
        package var file: String
        package var size: Int64
        /// Seconds since 1970: when it was built, as its header says, or when the file was changed last.
        package var date: Int64
        /// Nil: no header.
        package var version: Int?
        package var signatures: Int?

        /// One of those that ClamAV's makers sign, and its header is none.
        package var isHeaderless: Bool { version == nil && isSigned }
        /// `main` or `daily`, which hold most of what is known.
        package var isMajor: Bool { version != nil && (file.hasPrefix("main.") || file.hasPrefix("daily.")) }
        private var isSigned: Bool { file.hasSuffix(".cvd") || file.hasSuffix(".cld") }
    }

    /// What libclamav would load.
    package func databases() throws(UpdateFailure) -> [Database] {
        try names().compactMap { name in
            guard let dot = name.lastIndex(of: "."), !name.hasPrefix("."),
                SignatureSource.endings.contains(name[name.index(after: dot)...].lowercased())
            else { return nil }
            return database(name)
        }.sorted { $0.file < $1.file }
    }

    func database(_ name: String) -> Database? {
        var status = stat()
        guard stat(path + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        // Its complaint about a damaged header goes where the log goes, not to the terminal.
        LibraryLog.install()
        var database = Database(file: name, size: Int64(status.st_size), date: Int64(status.st_mtim.tv_sec))
        if name.hasSuffix(".cvd") || name.hasSuffix(".cld"), let head = cl_cvdhead(path + "/" + name) {
            database.version = Int(head.pointee.version)
            database.signatures = Int(head.pointee.sigs)
            database.date = Int64(head.pointee.stime)
            cl_cvdfree(head)
        }
        return database
    }

    func database(_ mirrored: MirrorDatabase) -> Database? {
        database(mirrored.rawValue + ".cld") ?? database(mirrored.rawValue + ".cvd")
    }

    /// Makes it where it is missing, readable by nobody else.
    func create() throws(UpdateFailure) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Self.failure(errno, path) }
        var status = stat()
        guard stat(path, &status) == 0 else { throw Self.failure(errno, path) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw Self.failure(ENOTDIR, path) }
        guard access(path, W_OK | X_OK) == 0 else { throw Self.failure(errno, path) }
    }

    /// It is there, and is a directory.
    package var exists: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    var hasLeftovers: Bool { access(temporary, F_OK) == 0 }

    /// What a run that was killed has left.
    func sweep() { TemporaryFiles.remove(temporary) }

    /// Whether there was such a file.
    func remove(_ name: String) -> Bool { !name.contains("/") && unlink(path + "/" + name) == 0 }

    func makeTemporary(_ number: Int) throws(UpdateFailure) -> String {
        guard mkdir(temporary, 0o700) == 0 || errno == EEXIST else { throw Self.failure(errno, temporary) }
        let folder = "\(temporary)/\(number)"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Self.failure(errno, folder) }
        return folder
    }

    /// Bytes that the disk still takes.
    var freeSpace: Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return .max }
        return Int64(clamping: status.f_bavail) * Int64(clamping: status.f_frsize)
    }

    static func failure(_ code: CInt, _ path: String) -> UpdateFailure {
        switch code {
        case ENOSPC, EDQUOT: UpdateFailure(.noSpace, path)
        default: UpdateFailure(.notWritable, "\(path): \(String(cString: strerror(code)))")
        }
    }

    private func names() throws(UpdateFailure) -> [String] {
        guard let folder = opendir(path) else { throw Self.failure(errno, path) }
        defer { closedir(folder) }
        var names: [String] = []
        while names.count < 10_000, let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
