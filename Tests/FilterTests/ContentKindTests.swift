import Filter
import Testing

@Suite struct ContentKindTests {
    private static func program(characteristics: UInt8 = 0) -> [UInt8] {
        let start: [UInt8] = Array("MZ".utf8) + [UInt8](repeating: 0, count: 58) + [64, 0, 0, 0]
        return start + Array("PE\0\0".utf8) + [UInt8](repeating: 0, count: 19) + [characteristics, 0, 0]
    }

    private static func at(_ offset: Int, _ text: String, after start: [UInt8] = []) -> [UInt8] {
        start + [UInt8](repeating: 0, count: offset - start.count) + Array(text.utf8) + [0, 0, 0, 0]
    }

    private static func local(_ name: String) -> [UInt8] { at(30, name, after: Array("PK\u{3}\u{4}".utf8)) }

    static let table: [([UInt8], String)] = [
        ([], "empty"), (program(), "exe-ms"), (program(characteristics: 0x20), "dll"), (Array("MZ\u{0}".utf8), "exe-ms"),
        (Array("MZ is a text about a Polish motorcycle.".utf8), "txt"), (Array("\u{7F}ELF\u{2}".utf8), "elf"),
        ([0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 52], "java"), ([0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 2], "mach-o"),
        ([0xCF, 0xFA, 0xED, 0xFE], "mach-o"), ([0x4C, 0, 0, 0, 1, 0x14, 2, 0], "lnk"),
        (Array("#!/bin/sh\n".utf8), "script"), ([0xEF, 0xBB, 0xBF] + Array("#!/bin/sh\n".utf8), "script"),
        (Array("  \r\n<!DOCTYPE html>".utf8), "html"), (Array("<SCRIPT language=vbs>".utf8), "html"),
        (Array("<?xml version='1.0'?><a/>".utf8), "xml"),
        (Array("<?xml version='1.0'?><svg/>".utf8), "svg"), (Array("{\\rtf1".utf8), "rtf"), (Array("{\\rt1".utf8), "rtf"),
        (Array("%PDF-1.4".utf8), "pdf"), (Array("@ECHO OFF\r\n".utf8), "bat"), (Array("[InternetShortcut]\r\n".utf8), "url"),
        (Array("Received: from x\r\n".utf8), "mail"), (Array("From a@b Thu Jan  1 00:00:00 2026\n".utf8), "mail"),
        (Array("From here on".utf8), "txt"), (Array("begin 644 a.exe\n".utf8), "uue"), (Array("begin the day".utf8), "txt"),
        ([0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1], "ole"), (local("a.txt"), "zip"), (local("[Content_Types].xml"), "ooxml"),
        (local("META-INF/"), "jar"), (local("mimetypeapplication/vnd.oasis.opendocument.text"), "odf"), (Array("PK\u{5}\u{6}".utf8), "zip"),
        (Array("Rar!\u{1A}\u{7}\0".utf8), "rar"), (Array("Rar!\u{1A}\u{7}\u{1}\0".utf8), "rar"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7z"),
        ([0x1F, 0x8B, 8], "gz"), (Array("BZh91AY".utf8), "bz2"), (Array("BZh for short".utf8), "txt"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz"),
        ([0x28, 0xB5, 0x2F, 0xFD], "zst"), ([0x04, 0x22, 0x4D, 0x18], "lz4"),
        ([0x5D, 0, 0, 0x80, 0] + [UInt8](repeating: 0xFF, count: 8), "lzma"),
        ([0x1F, 0x9D, 0x90], "Z"), (Array("MSCF\0\0\0\0".utf8), "cab"), ([0x60, 0xEA, 0x22, 0], "arj"),
        (at(20, "", after: Array("ZOO 2.10 Archive.\u{1A}".utf8)).prefix(20) + [0xDC, 0xA7, 0xC4, 0xFD], "zoo"),
        (at(7, "**ACE**", after: [1, 2, 3]), "ace"), (at(2, "-lh5-", after: [0x19, 0]), "lha"), (at(257, "ustar", after: [0x61]), "tar"),
        (at(32_769, "CD001"), "iso"), (at(32_769, "BEA01"), "udf"), (Array("070701".utf8), "cpio"), (Array("!<arch>\nx".utf8), "a"),
        (Array("!<arch>\ndebian-binary".utf8), "deb"), ([0xED, 0xAB, 0xEE, 0xDB], "rpm"), ([0x78, 0x9F, 0x3E, 0x22], "tnef"),
        (Array("ITSF".utf8), "chm"), (Array("xar!".utf8), "xar"), ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "png"),
        ([0xFF, 0xD8, 0xFF, 0xE0], "jpg"), (Array("GIF89a".utf8), "gif"), (Array("BMW".utf8), "txt"), (Array("ID3\u{3}".utf8), "mp3"),
        ([0xFF, 0xFE, 0x68, 0, 0x69, 0], "txt"), ([0xFF, 0xFE, 0x3C, 0, 0x68, 0, 0x74, 0, 0x6D, 0, 0x6C, 0], "html"),
        (Array("Ma\u{F1}ana".utf8), "txt"), ([0xC3, 0xE9, 0x20, 0xFF], "txt"), ([0x00, 0x01, 0x02], "dat"),
        ([0x1A, 8] + Array("a.txt\0".utf8), "arc"),
        ([0x1A, 0x45, 0xDF, 0xA3], "mkv"), ([0xE4, 0x52, 0x5C, 0x7B, 0x8C, 0xD8, 0xA7, 0x4D], "one"),
    ]

    @Test(arguments: table.indices) func kinds(_ index: Int) {
        let (bytes, kind) = Self.table[index]
        #expect(ContentKind(of: bytes).rawValue == kind)
        #expect(ContentKind.words.contains(kind), "\(kind) is a word of rules")
    }

    /// Each beginning of each sample, and each byte changed: no trap, and an answer.
    @Test func fewOrWrongBytes() {
        for (bytes, _) in Self.table {
            for count in 0..<min(bytes.count, 600) { #expect(!ContentKind(of: Array(bytes.prefix(count))).rawValue.isEmpty) }
            for place in 0..<min(bytes.count, 80) {
                var changed = bytes
                changed[place] = ~changed[place]
                #expect(!ContentKind(of: changed).rawValue.isEmpty)
            }
        }
    }

    @Test func tarWithoutMark() {
        var header = Array("a.exe".utf8) + [UInt8](repeating: 0, count: 507)
        header.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
        let sum = header.reduce(0) { $0 + Int($1) }
        header.replaceSubrange(148..<155, with: ("00\(String(sum, radix: 8))".utf8 + [0, 0, 0]).prefix(7))
        #expect(ContentKind(of: header).rawValue == "tar")
        header[0] += 1
        #expect(ContentKind(of: header) == .data)
    }

    @Test func families() {
        let library = ContentKind(rawValue: "dll")
        #expect(library.isNamed("dll") && library.isNamed("exe") && library.isNamed("exe-ms") && !library.isNamed("exe-unix"))
        #expect(ContentKind(rawValue: "elf").isNamed("exe-unix") && !ContentKind(rawValue: "elf").isNamed("exe-ms"))
        #expect(ContentKind(rawValue: "rar").isNamed("archive") && ContentKind(rawValue: "rar").isArchive)
        #expect(!ContentKind(rawValue: "pdf").isNamed("exe") && !ContentKind(rawValue: "pdf").isNamed("nothing"))
    }
}
