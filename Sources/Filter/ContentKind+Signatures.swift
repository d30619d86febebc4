/// The beginnings of files. No libmagic: see "Names in archives" in ARCHITECTURE.md.
private struct Signature {
    let kind: ContentKind
    let bytes: [UInt8]
    /// What a short beginning needs beside it.
    let also: @Sendable (UnsafeRawBufferPointer) -> Bool

    init(_ kind: String, _ bytes: [UInt8], _ also: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool = { _ in true }) {
        self.kind = ContentKind(rawValue: kind)
        self.bytes = bytes
        self.also = also
    }

    init(_ kind: String, _ text: String, _ also: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool = { _ in true }) {
        self.init(kind, Array(text.utf8), also)
    }

    func begins(_ head: UnsafeRawBufferPointer, at offset: Int = 0) -> Bool { head.holds(bytes, at: offset) && also(head) }
}

extension UnsafeRawBufferPointer {
    func holds(_ bytes: [UInt8], at offset: Int) -> Bool {
        guard count >= offset + bytes.count else { return false }
        for index in 0..<bytes.count where self[offset + index] != bytes[index] { return false }
        return true
    }

    func holds(_ text: StaticString, at offset: Int) -> Bool {
        guard count >= offset + text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where self[offset + index] != text.utf8Start[index] { return false }
        return true
    }

    func byte(_ offset: Int) -> UInt8 { offset < count ? self[offset] : 0 }
    /// Little-endian; what lies beyond the end is zero.
    func number(_ offset: Int, bytes: Int) -> Int {
        (0..<bytes).reduce(0) { $0 | Int(byte(offset + $1)) << (8 * $1) }
    }
}

extension ContentKind {
    /// By the first bytes of a file; `headLength` of them or the whole file are enough, fewer may say less. Any bytes will do.
    package init(of head: UnsafeRawBufferPointer) {
        guard let first = head.first else {
            self = .empty
            return
        }
        for signature in Self.signatures[Int(first)] where signature.begins(head) {
            self = Self.refined(signature.kind, head)
            return
        }
        if let text = Self.text(head) {
            self = text
            return
        }
        for (offset, signature) in Self.later where signature.begins(head, at: offset) {
            self = signature.kind
            return
        }
        self = .data
    }

    package init(of head: [UInt8]) {
        self = head.withUnsafeBytes { ContentKind(of: $0) }
    }

    private static func refined(_ kind: ContentKind, _ head: UnsafeRawBufferPointer) -> ContentKind {
        switch kind {
        case .windowsProgram:
            let header = head.number(0x3C, bytes: 4)
            // IMAGE_FILE_DLL, in the characteristics of the COFF header.
            let isLibrary = head.holds("PE\0\0", at: header) && head.number(header + 22, bytes: 2) & 0x2000 != 0
            return isLibrary ? .windowsLibrary : kind
        case .zip: return zipped(head)
        default: return kind
        }
    }

    /// By the name of the first member.
    private static func zipped(_ head: UnsafeRawBufferPointer) -> ContentKind {
        guard head.byte(2) == 3 else { return .zip }
        if head.holds("mimetypeapplication/vnd.oasis", at: 30) { return ContentKind(rawValue: "odf") }
        if head.holds("META-INF/", at: 30) { return ContentKind(rawValue: "jar") }
        let office: [StaticString] = ["[Content_Types].xml", "_rels/", "docProps/", "word/", "xl/", "ppt/", "customXml/"]
        return office.contains { head.holds($0, at: 30) } ? ContentKind(rawValue: "ooxml") : .zip
    }

    /// By their first byte.
    private static let signatures: [[Signature]] = {
        var byFirst = [[Signature]](repeating: [], count: 256)
        for signature in beginnings { byFirst[Int(signature.bytes[0])].append(signature) }
        return byFirst
    }()

    private static let beginnings: [Signature] = [
        Signature("exe-ms", "MZ") { text($0) == nil },
        Signature("elf", "\u{7F}ELF"),
        // A class file says its version where a universal binary counts its few architectures.
        Signature("java", [0xCA, 0xFE, 0xBA, 0xBE]) { $0.byte(7) >= 45 },
        Signature("mach-o", [0xCA, 0xFE, 0xBA, 0xBE]),
        Signature("mach-o", [0xFE, 0xED, 0xFA, 0xCE]), Signature("mach-o", [0xFE, 0xED, 0xFA, 0xCF]),
        Signature("mach-o", [0xCE, 0xFA, 0xED, 0xFE]), Signature("mach-o", [0xCF, 0xFA, 0xED, 0xFE]),
        Signature("dex", "dex\n0"), Signature("wasm", "\0asm"),
        Signature("lnk", [0x4C, 0, 0, 0, 0x01, 0x14, 0x02, 0]),
        Signature("zip", "PK\u{3}\u{4}"), Signature("zip", "PK\u{5}\u{6}"), Signature("zip", "PK\u{7}\u{8}"), Signature("zip", "PK00PK"),
        Signature("rar", "Rar!\u{1A}\u{7}"), Signature("rar", "RE~^"),
        Signature("7z", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
        Signature("gz", [0x1F, 0x8B]), Signature("Z", [0x1F, 0x9D]), Signature("Z", [0x1F, 0xA0]),
        Signature("bz2", "BZh") { (0x31...0x39).contains($0.byte(3)) && ($0.byte(4) == 0x31 || $0.byte(4) == 0x17) },
        Signature("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
        Signature("lzma", [0x5D, 0, 0]) { head in
            let size = head.number(5, bytes: 8)
            return head.count >= 13 && head.number(1, bytes: 4) >= 4096 && (size == -1 || (0..<1 << 40).contains(size))
        },
        Signature("lz4", [0x04, 0x22, 0x4D, 0x18]), Signature("lz4", [0x02, 0x21, 0x4C, 0x18]), Signature("lz", "LZIP\u{1}"),
        Signature("lzo", [0x89, 0x4C, 0x5A, 0x4F, 0, 0x0D, 0x0A]), Signature("zst", [0x28, 0xB5, 0x2F, 0xFD]),
        Signature("deb", "!<arch>\ndebian-binary"), Signature("a", "!<arch>\n"), Signature("rpm", [0xED, 0xAB, 0xEE, 0xDB]),
        Signature("cpio", "070701"), Signature("cpio", "070702"), Signature("cpio", "070707"), Signature("cpio", [0xC7, 0x71]),
        Signature("cpio", [0x71, 0xC7]),
        Signature("cab", "MSCF\0\0\0\0"), Signature("installshield", "ISc("),
        Signature("arj", [0x60, 0xEA]) { (30...2600).contains($0.number(2, bytes: 2)) },
        Signature("zoo", "ZOO ") { $0.number(20, bytes: 4) == 0xFDC4_A7DC },
        Signature("arc", [0x1A]) { head in
            let name = (2..<15).map(head.byte).prefix { $0 != 0 }
            return (1...11).contains(head.byte(1)) && (1...12).contains(name.count) && name.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        },
        Signature("xar", "xar!"), Signature("tnef", [0x78, 0x9F, 0x3E, 0x22]), Signature("szdd", [0x53, 0x5A, 0x44, 0x44, 0x88, 0xF0]),
        Signature("szdd", [0x4B, 0x57, 0x41, 0x4A, 0x88, 0xF0]),
        Signature("sit", "SIT!\0"), Signature("sit", "StuffIt (c)"), Signature("alz", "ALZ\u{1}"), Signature("egg", "EGGA"),
        Signature("wim", "MSWIM\0\0\0"), Signature("vhd", "conectix"), Signature("vhdx", "vhdxfile"),
        Signature("pdf", "%PDF-"), Signature("ole", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]), Signature("chm", "ITSF"),
        Signature("hlp", [0x3F, 0x5F, 0x03, 0]), Signature("one", [0xE4, 0x52, 0x5C, 0x7B, 0x8C, 0xD8, 0xA7, 0x4D]),
        Signature("pst", "!BDN"), Signature("sqlite", "SQLite format 3\0"),
        Signature("png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]), Signature("jpg", [0xFF, 0xD8, 0xFF]),
        Signature("gif", "GIF87a"), Signature("gif", "GIF89a"), Signature("tif", "II*\0"), Signature("tif", "MM\0*"),
        Signature("bmp", "BM") { $0.count >= 26 && $0.number(6, bytes: 4) == 0 }, Signature("psd", "8BPS\0\u{1}"),
        Signature("wmf", [0xD7, 0xCD, 0xC6, 0x9A]), Signature("wmf", [0x01, 0, 0x09, 0, 0, 0x03]),
        Signature("emf", [0x01, 0, 0, 0]) { $0.holds(" EMF", at: 40) },
        Signature("ico", [0, 0, 1, 0]) { $0.byte(4) != 0 }, Signature("ico", [0, 0, 2, 0]) { $0.byte(4) != 0 },
        Signature("djvu", "AT&TFORM"), Signature("webp", "RIFF") { $0.holds("WEBP", at: 8) },
        Signature("avi", "RIFF") { $0.holds("AVI ", at: 8) }, Signature("ani", "RIFF") { $0.holds("ACON", at: 8) },
        Signature("wav", "RIFF") { $0.holds("WAVE", at: 8) },
        Signature("swf", "FWS") { $0.byte(3) < 0x40 }, Signature("swf", "CWS") { $0.byte(3) < 0x40 },
        Signature("swf", "ZWS") { $0.byte(3) < 0x40 },
        Signature("mp3", "ID3") { $0.byte(3) < 0x10 }, Signature("mp3", [0xFF, 0xFB]), Signature("mp3", [0xFF, 0xF3]),
        Signature("mp3", [0xFF, 0xF2]), Signature("ogg", "OggS\0"), Signature("flac", "fLaC\0"), Signature("mid", "MThd\0"),
        Signature("mkv", [0x1A, 0x45, 0xDF, 0xA3]), Signature("wmv", [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]),
        Signature("mpg", [0, 0, 1, 0xBA]), Signature("mpg", [0, 0, 1, 0xB3]),
    ]

    /// Those that stand further on, as far as the beginning is no text.
    private static let later: [(Int, Signature)] = [
        (257, Signature("tar", "ustar")), (7, Signature("ace", "**ACE**")), (4, Signature("mp4", "ftyp")),
        (2, Signature("lha", "-lh") { $0.byte(6) == 0x2D }), (2, Signature("lha", "-lz") { $0.byte(6) == 0x2D }),
        (2, Signature("lha", "-pm") { $0.byte(6) == 0x2D }),
        (32_769, Signature("iso", "CD001")), (32_769, Signature("udf", "BEA01")), (32_769, Signature("udf", "NSR0")),
        // Unix version 7 had no mark: a name, and a checksum that is right.
        (0, Signature("tar", [] as [UInt8], isHeaderOfTar)),
    ]

    private static func isHeaderOfTar(_ head: UnsafeRawBufferPointer) -> Bool {
        guard head.count >= 512, head[0] != 0 else { return false }
        let digits = head[148..<156].drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        let sum = head[..<512].enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 0x20 : Int($1.element)) }
        return !digits.isEmpty && digits.reduce(0) { $0 * 8 + Int($1 - 0x30) } == sum
    }
}
