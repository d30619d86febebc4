import Glibc

/// A directory of scripts: `NAME`, beside it perhaps `NAME.mbox`, and `default.mbox` for those without.
package struct ImapTestDirectory: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// The scripts, sorted; subdirectories are left out.
    package var names: [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            guard entry.pointee.d_type != UInt8(DT_DIR) else { continue }
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix("."), !name.hasSuffix(".mbox") { names.append(name) }
        }
        return names.sorted()
    }

    /// The scripts that ask for nothing beyond IMAP4rev1.
    package var baseNames: [String] {
        names.filter { (try? script($0).isBase) ?? false }
    }

    package func script(_ name: String, environment: [String: String] = [:]) throws(ImapTestScript.SyntaxError) -> ImapTestScript {
        guard let text = Self.octets(path + "/" + name) else {
            throw ImapTestScript.SyntaxError(line: 0, what: "\(path)/\(name) cannot be read")
        }
        return try ImapTestScript.parse(text, environment: environment)
    }

    /// The group's own mbox, else the default one, else none.
    package func messages(for name: String) -> MboxMessages {
        MboxMessages(Self.octets("\(path)/\(name).mbox") ?? Self.octets(path + "/default.mbox") ?? [])
    }

    private static func octets(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0 { return nil }
            if count == 0 { return octets }
            octets += chunk[..<count]
        }
    }
}
