/// What a file is by its first bytes, in short words; those that AMaViS has for file(1)'s answers where it has one.
package struct ContentKind: Sendable, Hashable, RawRepresentable {
    /// `exe-ms`, `elf`, `zip`, `rar`, `pdf`, `ole`, `txt`, `dat`…
    package var rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    private init(_ rawValue: String) { self.rawValue = rawValue }

    /// Bytes from the beginning on that may decide: ISO 9660 says what it is behind its first 32 KiB.
    package static let headLength = 32_768 + 8

    package static let empty = ContentKind("empty")
    /// Text of no other kind.
    package static let text = ContentKind("txt")
    /// Neither text nor known.
    package static let data = ContentKind("dat")
    package static let mail = ContentKind("mail")
    package static let directory = ContentKind("dir")
    /// Programs of DOS and Windows, libraries (`dll`) aside.
    package static let windowsProgram = ContentKind("exe-ms")
    package static let windowsLibrary = ContentKind("dll")
    package static let zip = ContentKind("zip")

    /// Words that stand for several kinds.
    package static let families: [String: Set<String>] = [
        // file(1) calls a library an executable, so that AMaViS takes it for one too.
        "exe-ms": ["exe-ms", "dll"],
        "exe-unix": ["elf", "mach-o"],
        "exe": ["exe-ms", "dll", "elf", "mach-o"],
        "image": ["png", "jpg", "gif", "tif", "bmp", "wmf", "emf", "ico", "webp", "svg", "psd", "djvu"],
        "audio": ["mp3", "wav", "ogg", "flac", "mid"],
        "movie": ["avi", "ani", "mpg", "mkv", "mp4", "wmv", "swf"],
        "document": ["pdf", "ole", "ooxml", "odf", "rtf", "ps", "one", "chm"],
        "archive": archives,
    ]

    /// Kinds that hold files and nothing else.
    private static let archives: Set<String> = [
        "zip", "jar", "rar", "7z", "gz", "bz2", "xz", "lzma", "lz4", "lz", "lzo", "zst", "Z", "tar", "cpio", "a", "deb", "rpm", "cab",
        "arj",
        "zoo", "lha", "ace", "arc", "iso", "udf", "xar", "tnef", "hqx", "uue", "szdd", "sit", "alz", "egg", "wim", "vhd", "vhdx",
        "installshield",
    ]

    /// Every word that `kind:` may name.
    package static let words: Set<String> = families.values.reduce(
        into: Set(families.keys).union([
            "empty", "txt", "dat", "mail", "dir", "html", "xml", "script", "bat", "url", "pgp", "lnk", "java", "dex", "wasm", "hlp", "pst",
            "sqlite",
        ])
    ) { $0.formUnion($1) }

    /// Whether the word is this kind's own or that of a family it belongs to.
    package func isNamed(_ word: String) -> Bool {
        rawValue == word || Self.families[word]?.contains(rawValue) == true
    }

    /// A file whose only purpose is to hold others.
    package var isArchive: Bool { Self.archives.contains(rawValue) }
    /// A document that is a zip archive within.
    package var isZippedDocument: Bool { rawValue == "ooxml" || rawValue == "odf" }
    package var isProgram: Bool { isNamed("exe") || rawValue == "lnk" || rawValue == "java" || rawValue == "dex" }
    package var isText: Bool { Self.texts.contains(rawValue) }

    private static let texts: Set<String> = ["txt", "html", "xml", "script", "bat", "url", "mail", "pgp", "rtf", "ps", "svg", "empty"]
}
