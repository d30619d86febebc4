import Glibc

/// A directory of signature databases, of this server or of another program that keeps it.
package struct SignatureSource: Sendable, Hashable {
    package var directory: String

    package init(directory: String) { self.directory = directory }

    /// What libclamav 1.4 loads from a directory.
    static let endings: Set<String> = [
        "cat", "cbc", "cdb", "cfg", "cld", "crb", "cud", "cvd", "db", "fp", "ftm", "gdb", "hdb", "hdu", "hsb", "hsu", "idb", "ign", "ign2",
        "imp", "ioc", "ldb", "ldu", "mdb", "mdu", "msb", "msu", "ndb", "ndu", "pdb", "pwdb", "rmd", "sdb", "sfp", "wdb", "yar", "yara",
        "zmd",
    ]

    private struct File {
        var name: String
        var size: Int
        var modified: timespec
        var inode: UInt
    }

    /// The names of the databases there, in the order in which to load them one by one: what takes signatures out comes first.
    func databases() throws(EngineFailure) -> [String] {
        func rank(_ name: String) -> Int {
            if name.hasSuffix(".ign") || name.hasSuffix(".ign2") || name.hasSuffix(".cfg") { return 0 }
            if name.hasPrefix("daily.") { return 1 }
            return name.hasSuffix(".crb") ? 2 : 3
        }
        return try files().map(\.name).sorted { (rank($0), $0) < (rank($1), $1) }
    }

    /// Changes whenever a database does. A few `stat` calls: cheap enough for every few seconds. Nil: there is nothing to load.
    package func version() -> SignatureVersion? {
        guard let files = try? files(), !files.isEmpty else { return nil }
        var sum = FNV()
        var words: [String] = []
        for file in files.sorted(by: { $0.name < $1.name }) {
            sum.add("\(file.name) \(file.size) \(file.modified.tv_sec).\(file.modified.tv_nsec) \(file.inode)\n")
            if let number = number(of: file.name) { words.append(number) }
        }
        if words.isEmpty { words = ["\(files.count) files"] }
        return SignatureVersion(text: (words + ["#" + sum.hex]).joined(separator: " "))
    }

    /// `daily 27400`, from the header of a database that ClamAV's makers signed.
    private func number(of name: String) -> String? {
        guard name.hasSuffix(".cvd") || name.hasSuffix(".cld") else { return nil }
        let descriptor = open(directory + "/" + name, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: 512)
        let count = read(descriptor, &head, head.count)
        // ClamAV-VDB:build time:version:signatures:…
        let fields = head.prefix(max(0, count)).split(separator: UInt8(ascii: ":"), maxSplits: 4, omittingEmptySubsequences: false)
        guard fields.count > 3, fields[2].count < 12, fields[2].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return name.dropLast(4) + " " + String(decoding: fields[2], as: UTF8.self)
    }

    private func files() throws(EngineFailure) -> [File] {
        guard let folder = opendir(directory) else {
            let isMissing = errno == ENOENT
            throw EngineFailure(
                reason: isMissing ? .missing : .unreadable, path: directory, detail: String(cString: strerror(errno)))
        }
        defer { closedir(folder) }
        var files: [File] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !name.hasPrefix("."), let dot = name.lastIndex(of: "."),
                Self.endings.contains(name[name.index(after: dot)...].lowercased())
            else { continue }
            var status = stat()
            guard fstatat(dirfd(folder), name, &status, 0) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            files.append(File(name: name, size: Int(status.st_size), modified: status.st_mtim, inode: UInt(status.st_ino)))
            guard files.count < 10_000 else { break }
        }
        return files
    }
}

/// Which signatures: `daily 27400 main 62 #8b0f…`. Equal texts mean equal signatures.
package struct SignatureVersion: Sendable, Hashable {
    package var text: String

    package init(text: String) { self.text = text }

    /// Without any directory.
    package static let embedded = SignatureVersion(text: "embedded")
}

/// Fowler, Noll and Vo's sum over 64 bits, which tells states apart that nobody forges.
struct FNV {
    private var sum: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ text: String) {
        for byte in text.utf8 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }

    var hex: String { String(sum, radix: 16) }
}
