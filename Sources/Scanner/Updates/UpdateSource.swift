/// Where databases come from: the mirrors of ClamAV's own ones, or a URL of a single one.
package enum UpdateSource: Sendable, Hashable {
    case mirror
    case url(DatabaseURL)

    /// In the state file and for people.
    package var name: String {
        switch self {
        case .mirror: "mirror"
        case .url(let url): url.shown
        }
    }
}

/// A URL of one database, whose last part is the file's name here.
package struct DatabaseURL: Sendable, Hashable {
    package let url: String
    package let file: String

    /// They switch other signatures off, which only a person should do.
    private static let forbidden: Set<String> = ["cfg", "ign", "ign2"]

    /// Nil for what libfreshclam would take otherwise than it reads, or what would replace another file than a database of its own.
    init?(_ text: String) {
        let scheme = text.prefix { $0 != ":" }.lowercased()
        guard ["http", "https", "file"].contains(scheme), text.dropFirst(scheme.count).hasPrefix("://"), text.utf8.count <= 2_048,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), let slash = text.lastIndex(of: "/")
        else { return nil }
        let file = text[text.index(after: slash)...]
        guard let dot = file.lastIndex(of: "."), !file.hasPrefix("."), file.utf8.count <= 100,
            file.utf8.allSatisfy({ Self.isPlain($0) }), text.utf8.count - file.utf8.count > scheme.count + 4,
            SignatureSource.endings.subtracting(Self.forbidden).contains(String(file[file.index(after: dot)...]))
        else { return nil }
        let base = file[..<dot]
        guard !MirrorDatabase.allCases.contains(where: { $0.rawValue == base }), base != "safebrowsing" else { return nil }
        // libfreshclam compares the scheme in small letters where it matters.
        url = scheme + text.dropFirst(scheme.count)
        self.file = String(file)
    }

    var isFile: Bool { url.hasPrefix("file:") }
    var path: String { String(url.dropFirst("file://".count)) }

    /// Without a name and password.
    var shown: String { Self.withoutUser(url) }

    static func withoutUser(_ url: String) -> String {
        guard let start = url.firstRange(of: "://")?.upperBound else { return url }
        let authority = url[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard let at = authority.lastIndex(of: "@") else { return url }
        return String(url[..<start]) + url[url.index(after: at)...]
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// ClamAV's own databases.
enum MirrorDatabase: String, Sendable, CaseIterable {
    case daily, main, bytecode
}
