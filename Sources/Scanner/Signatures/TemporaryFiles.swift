import Glibc

/// Folders for what libclamav and libfreshclam unpack.
enum TemporaryFiles {
    /// Creates the folder, or empties it of what a process left that died. Links are removed, not followed.
    static func sweep(_ path: String) {
        mkdir(path, 0o700)
        empty(path)
    }

    /// A file, or a folder with all that is in it. Links are removed, not followed.
    static func remove(_ path: String) {
        guard unlink(path) != 0 else { return }
        empty(path)
        rmdir(path)
    }

    private static func empty(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        if descriptor >= 0 { empty(descriptor, depth: 0) }
    }

    /// Takes the descriptor. libclamav's own folders are three deep.
    private static func empty(_ descriptor: CInt, depth: Int) {
        guard let folder = fdopendir(descriptor) else {
            close(descriptor)
            return
        }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) + [0] }
            name.withUnsafeBytes { bytes in
                guard let name = bytes.baseAddress?.assumingMemoryBound(to: CChar.self), strcmp(name, ".") != 0, strcmp(name, "..") != 0
                else { return }
                if unlinkat(dirfd(folder), name, 0) == 0 || depth > 16 { return }
                let inner = openat(dirfd(folder), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
                if inner >= 0 { empty(inner, depth: depth + 1) }
                unlinkat(dirfd(folder), name, AT_REMOVEDIR)
            }
        }
    }
}
