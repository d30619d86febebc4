import Glibc

func clockSeconds() -> Int { time(nil) }

/// The directory itself: who owns it, who has it open.
enum DataDirectory {
    struct Prepared {
        var isNew: Bool
        var isRoot: Bool
        var lock: OpenFile?
    }

    /// Names that make a directory ours.
    private static let known: Set<String> = ["buzon.db", "buzon.db-wal", "buzon.db-shm", "bodies", "snapshots", "lock"]

    static func prepare(_ directory: String, options: MailStore.Options) throws(StoreFailure) -> Prepared {
        // Nothing in it is for anybody else: SQLite and GRDB create their files with the process's mask.
        umask(0o077)
        var status = stat()
        if stat(directory, &status) != 0 {
            guard options.createsDirectory else { throw .absent }
            try createPath(directory)
            guard stat(directory, &status) == 0 else { throw failure("stat") }
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory }
        guard status.st_uid == geteuid() else { throw .otherOwner(uid: status.st_uid) }
        let names = try entries(directory)
        let isNew = !names.contains("buzon.db")
        if isNew {
            guard options.createsDirectory else { throw .absent }
            // What a start that was cut short leaves behind is ours; anything else is not.
            guard names.allSatisfy({ known.contains($0) || $0 == "lost+found" || $0 == "control" }) else { throw .foreignDirectory }
        }
        if status.st_mode & 0o077 != 0, chmod(directory, 0o700) != 0 { throw failure("chmod") }
        var lock: OpenFile?
        if options.role == .server || isNew { lock = try takeLock(directory) }
        for name in ["bodies", "snapshots"] where mkdir("\(directory)/\(name)", 0o700) != 0 && errno != EEXIST { throw failure("mkdir") }
        if isNew {
            do throws(FileFailure) { try synchroniseDirectory(directory) } catch { throw error.storeFailure }
        }
        return Prepared(isNew: isNew, isRoot: geteuid() == 0, lock: options.role == .server ? lock : nil)
    }

    static func entries(_ directory: String) throws(StoreFailure) -> [String] {
        guard let stream = opendir(directory) else { throw failure("opendir") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func takeLock(_ directory: String) throws(StoreFailure) -> OpenFile {
        let file: OpenFile
        do throws(FileFailure) { file = try OpenFile.open(directory + "/lock", O_RDWR | O_CREAT) } catch { throw error.storeFailure }
        guard flock(file.descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw errno == EWOULDBLOCK ? .directoryInUse : failure("flock")
        }
        return file
    }

    private static func createPath(_ path: String) throws(StoreFailure) {
        var parents: [String] = []
        var rest = Substring(path)
        while rest.count > 1, let slash = rest.lastIndex(of: "/"), slash > rest.startIndex {
            rest = rest[..<slash]
            parents.append(String(rest))
        }
        for parent in parents.reversed() { try make(parent, 0o755) }
        try make(path, 0o700)
    }

    /// Makes a directory, durably, with this mode whatever the process's mask. One that is there stays as it is.
    private static func make(_ path: String, _ mode: mode_t) throws(StoreFailure) {
        guard mkdir(path, mode) == 0 else {
            if errno == EEXIST { return }
            throw failure("mkdir \(path)")
        }
        guard chmod(path, mode) == 0 else { throw failure("chmod \(path)") }
        do throws(FileFailure) {
            try synchroniseDirectory(path + "/..")
        } catch  where error.errno == EACCES {
            // One that we may write to and not read.
        } catch {
            throw error.storeFailure
        }
    }

    private static func failure(_ call: String) -> StoreFailure { FileFailure(errno: errno, call: call).storeFailure }
}
