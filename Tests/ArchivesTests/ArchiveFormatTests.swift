import Filter
import MailTesting
import Testing

@testable import Archives

/// Each format that is read, and what hides in it.
@Suite struct ArchiveFormatTests {
    static let members: [Samples.Member] = [
        .init("años.exe", Samples.program), .init("dir/"), .init("dir/b.txt", Array("text\n".utf8)), .init("empty", []), .init("c", [0x41]),
    ]
    static let kinds = ["años.exe": "exe-ms", "dir/b.txt": "txt", "empty": "empty", "c": "txt"]

    @Test(arguments: ["zip", "7zip", "gnutar", "pax", "ustar", "v7tar", "newc", "odc", "iso9660"])
    func formats(_ format: String) {
        for name in ["x", "x.zip", "x.jpg"] {
            let walked = walk(file: Samples.archive(Self.members, format: format), name)
            #expect(walked.finding.unopened.isEmpty && walked.finding.limits.isEmpty && walked.finding.encrypted.isEmpty)
            for (member, kind) in Self.kinds { #expect(walked.kind(member) == kind, "\(format) \(member)") }
            #expect(walked.parts.contains { $0.name.hasPrefix("dir") && $0.kind == .directory })
            #expect(walked.parts.dropFirst().allSatisfy { $0.path.count == 2 && $0.path[0] == name })
        }
    }

    @Test func ar() {
        let walked = walk(file: Samples.archive([.init("a.exe", Samples.program), .init("b", [0x41])], format: "arbsd"), "x.a")
        #expect(walked.titles == ["x.a", "x.a › a.exe", "x.a › b"] && walked.kind("a.exe") == "exe-ms")
    }

    /// libarchive's reader of it can be led in circles.
    @Test func xar() {
        let walked = walk(file: Samples.archive(Self.members, format: "xar"), "x.pkg")
        #expect(walked.names == ["x.pkg"] && walked.finding.unopened == ["x.pkg"])
    }

    /// A broken member hides no name behind it, and what can't be unpacked is said.
    @Test(arguments: ["rar4", "rar5"]) func brokenRAR(_ format: String) {
        let isOld = format == "rar4"
        // Packed as it says, which it isn't.
        let first = isOld ? Self.rar4("a.exe", Samples.program, method: 0x33) : Self.rar5("a.exe", Samples.program, method: [0x80, 3])
        let second = isOld ? Self.rar4("b.exe", Samples.program) : Self.rar5("b.exe", Samples.program)
        let walked = walk(file: first.dropLast(isOld ? 7 : 8) + second.dropFirst(isOld ? 20 : 16), "x.rar")
        #expect(walked.names == ["x.rar", "a.exe", "b.exe"] && walked.finding.unopened == ["x.rar"], "\(walked)")
    }

    @Test(arguments: ["gzip", "bzip2", "xz", "lzma", "lzip", "zstd", "lz4", "compress"]) func compressed(_ filter: String) {
        let file = walk(file: Samples.compressed(Samples.program + [UInt8](repeating: 7, count: 5000), filter), "a.exe.gz")
        #expect(file.titles == ["a.exe.gz", "a.exe.gz › a.exe"] && file.kind("a.exe") == "exe-ms")
        let tar = walk(file: Samples.archive(Self.members, format: "gnutar", filter: filter), "x.tgz")
        #expect(tar.titles.contains("x.tgz › x.tar › años.exe") && tar.kind("años.exe") == "exe-ms")
        #expect(tar.finding.unopened.isEmpty)
    }

    /// Its name within counts too.
    @Test func gzipName() {
        var bytes = Samples.compressed(Samples.program, "gzip")
        bytes.replaceSubrange(3..<4, with: [bytes[3] | 8])
        bytes.insert(contentsOf: Array("b.com\0".utf8), at: 10)
        #expect(walk(file: bytes, "a.dat.gz").names == ["a.dat.gz", "a.dat", "b.com"])
    }

    @Test func rpm() {
        let empty: [UInt8] = [0x8E, 0xAD, 0xE8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let lead: [UInt8] = [0xED, 0xAB, 0xEE, 0xDB, 3, 0, 0, 0, 0, 1] + [UInt8](repeating: 0x61, count: 66) + [0, 1, 0, 5]
        let payload = Samples.archive([.init("./usr/bin/a.exe", Samples.program)], format: "newc", filter: "gzip")
        let walked = walk(file: lead + [UInt8](repeating: 0, count: 16) + empty + empty + payload, "x.rpm")
        #expect(walked.kind("./usr/bin/a.exe") == "exe-ms" && walked.finding.unopened.isEmpty)
    }

    @Test func deb() {
        let data = Samples.archive([.init("./a.exe", Samples.program)], format: "gnutar", filter: "xz")
        let walked = walk(
            file: Samples.archive([.init("debian-binary", Array("2.0\n".utf8)), .init("data.tar.xz", data)], format: "arbsd"), "x.deb")
        #expect(walked.titles.last == "x.deb › data.tar.xz › data.tar › ./a.exe" && walked.parts[0].kind?.rawValue == "deb")
    }

    // MARK: By hand

    static func rar4(_ name: String, _ content: [UInt8], flags: Int = 0x8000, archiveFlags: Int = 0, method: UInt8 = 0x30) -> [UInt8] {
        func block(_ body: [UInt8]) -> [UInt8] { Samples.little(Samples.crc32(body) & 0xFFFF, 2) + body }
        let little = Samples.little
        let bytes = Array(name.utf8)
        let head: [UInt8] = [0x73] + little(archiveFlags, 2) + little(13, 2) + [0, 0, 0, 0, 0, 0]
        var file: [UInt8] =
            [0x74] + little(flags, 2) + little(32 + bytes.count, 2) + little(content.count, 4) + little(content.count, 4) + [3]
        file += little(Samples.crc32(content), 4) + [0, 0, 0x21, 0x50, 20, method] + little(bytes.count, 2) + little(0o100644, 4) + bytes
        return Array("Rar!\u{1A}\u{7}\0".utf8) + block(head) + block(file) + content + block([0x7B] + little(0x4000, 2) + little(7, 2))
    }

    static func rar5(_ name: String, _ content: [UInt8], method: [UInt8] = [0]) -> [UInt8] {
        func block(_ body: [UInt8]) -> [UInt8] {
            let sized = [UInt8(body.count)] + body
            return Samples.little(Samples.crc32(sized), 4) + sized
        }
        let size = [UInt8(content.count & 0x7F | 0x80), UInt8(content.count >> 7)]
        var file: [UInt8] = [2, 2] + size + [4] + size + [0] + Samples.little(Samples.crc32(content), 4)
        file += method + [1, UInt8(name.utf8.count)] + Array(name.utf8)
        return Array("Rar!\u{1A}\u{7}\u{1}\0".utf8) + block([1, 0, 0]) + block(file) + content + block([5, 0, 0])
    }

    static func lha(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let little = Samples.little
        var header: [UInt8] = Array("-lh0-".utf8) + little(content.count, 4) + little(content.count, 4) + [0, 0, 0x21, 0x50, 0x20, 0]
        header += [UInt8(name.utf8.count)] + Array(name.utf8) + little(Samples.crc16(content), 2)
        return [UInt8(header.count), header.reduce(0, &+)] + header + content + [0]
    }

    static func cab(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let little = Samples.little
        let fileSize = 16 + name.utf8.count + 1
        let dataStart = 36 + 8 + fileSize
        let total = dataStart + 8 + content.count
        var bytes = Array("MSCF\0\0\0\0".utf8) + little(total, 4) + little(0, 4) + little(44, 4) + little(0, 4) + [3, 1]
        bytes += little(1, 2) + little(1, 2) + little(0, 2) + little(0, 2) + little(0, 2)
        bytes += little(dataStart, 4) + little(1, 2) + little(0, 2)
        bytes += little(content.count, 4) + little(0, 4) + little(0, 2) + little(0x5021, 2) + little(0, 2) + little(0x20, 2)
        return bytes + Array(name.utf8) + [0] + little(0, 4) + little(content.count, 2) + little(content.count, 2) + content
    }

    @Test(arguments: ["rar4", "rar5", "lha", "cab"]) func byHand(_ format: String) {
        let make = ["rar4": { Self.rar4($0, $1) }, "rar5": { Self.rar5($0, $1) }, "lha": Self.lha, "cab": Self.cab][format]!
        let walked = walk(file: make("a.exe", Samples.program), "x")
        #expect(walked.titles == ["x", "x › a.exe"] && walked.kind("a.exe") == "exe-ms")
        #expect(walked.finding.unopened.isEmpty && walked.finding.encrypted.isEmpty)
        let nested = walk(file: make("a.zip", Samples.archive([.init("b.exe", Samples.program)])), "x")
        #expect(nested.titles.last == "x › a.zip › b.exe" && nested.kind("b.exe") == "exe-ms")
        // Behind a program, as those that unpack themselves.
        if format != "lha" {
            let packed = walk(file: Samples.program + [UInt8](repeating: 0x90, count: 30_000) + make("b.exe", Samples.program), "setup.exe")
            #expect(packed.titles == ["setup.exe", "setup.exe › b.exe"])
        }
    }

    // MARK: Encrypted

    @Test func encrypted() {
        let zip = walk(file: Samples.archive(Self.members, password: "x"), "x.zip")
        #expect(zip.finding.encrypted == ["x.zip"] && zip.finding.unopened.isEmpty)
        #expect(zip.parts.contains { $0.name == "años.exe" && $0.isEncrypted && $0.kind == nil })
        let rar = walk(file: Self.rar4("a.exe", Samples.program, flags: 0x8004), "x.rar")
        #expect(rar.finding.encrypted == ["x.rar"] && rar.parts.contains { $0.name == "a.exe" && $0.isEncrypted })
        let hidden = walk(file: Self.rar4("a.exe", Samples.program, archiveFlags: 0x80), "x.rar")
        #expect(hidden.finding.encrypted == ["x.rar"] && hidden.names == ["x.rar"])
        let office: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1] + "EncryptedPackage".utf8.flatMap { [$0, 0] as [UInt8] }
        #expect(walk(file: office, "a.docx").finding.encrypted == ["a.docx"])
        let inside = walk(file: Samples.archive([.init("in.zip", Samples.archive(Self.members, password: "x"))]), "out.zip")
        #expect(inside.finding.encrypted == ["out.zip › in.zip"])
    }

    // MARK: Disguised

    @Test func behindSomething() {
        let zip = Samples.archive([.init("a.exe", Samples.program)])
        let picture: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0] + [UInt8](repeating: 1, count: 5000)
        for (start, name) in [(picture, "a.jpg"), (Samples.program, "a.bin"), (Array("Hello\r\n".utf8), "a.txt"), (picture, "a.zip")] {
            let walked = walk(file: start + zip, name)
            #expect(walked.titles == [name, name + " › a.exe"])
            #expect(walked.finding.unopened.isEmpty)
        }
    }

    /// A second archive before or behind the first; headers that the directory doesn't list; a directory with other names.
    @Test func concealedInZip() {
        let shown = Samples.archive([.init("a.txt")])
        let hidden = Samples.archive([.init("b.exe", Samples.program)])
        for bytes in [shown + hidden, hidden + shown, hidden.dropLast(80) + shown] {
            #expect(Set(walk(file: Array(bytes), "x.zip").names).isSuperset(of: ["a.txt", "b.exe"]))
        }
        var renamed = Samples.archive([.init("b.exe", Samples.program)])
        let central = renamed.indices.last { renamed[$0...].starts(with: "b.exe".utf8) }
        renamed.replaceSubrange(central!..<(central! + 5), with: Array("b.txt".utf8))
        #expect(Set(walk(file: renamed, "x.zip").names) == ["x.zip", "b.exe", "b.txt"])
    }

    @Test func foreignNames() {
        for (bytes, name) in [([0xA4, 0x6F, 0x73], "¤os"), ([0xC3, 0xB1], "ñ"), ([0x81, 0xFF], "\u{81}ÿ")] as [([UInt8], String)] {
            // Without the flag that says UTF-8.
            var zip = Samples.archive([.init(String(repeating: "n", count: bytes.count) + ".exe", Samples.program)])
            for place in zip.indices.dropLast(bytes.count + 4) where zip[(place + bytes.count)...].starts(with: ".exe".utf8) {
                zip.replaceSubrange(place..<(place + bytes.count), with: bytes)
            }
            #expect(walk(file: zip, "x.zip").names == ["x.zip", name + ".exe"])
        }
        let tar = Samples.archive([.init("ñandú 日本.exe", Samples.program)], format: "pax")
        #expect(walk(file: tar, "x").names == ["x", "ñandú 日本.exe"])
    }

    // MARK: Not opened

    @Test func unopened() {
        for (name, bytes) in [
            ("x.zip", Array("no archive at all".utf8)), ("x.rar", [1, 2, 3, 4, 5, 6, 7, 8]),
            ("x", [0x89, 0x4C, 0x5A, 0x4F, 0, 0x0D, 0x0A, 9]),
            ("x.hqx", Array("(This file must be converted with BinHex 4.0)\n\n:x:".utf8)), ("x.vhdx", Array("vhdxfile".utf8)),
            ("x.gz", [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF]),
            ("x", Array("Rar!\u{1A}\u{7}\0".utf8) + [9, 9, 9, 9, 9, 9, 9, 9]),
            ("x.ace", [0, 1, 2, 3, 4]), ("x", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4]), ("x.docx", Array("<html>".utf8)),
        ] {
            let walked = walk(file: bytes, name)
            #expect(walked.finding.unopened == [name], "\(name) \(walked.parts)")
            #expect(walked.names[0] == name)
        }
        #expect(walk(file: [], "x.zip").finding.unopened.isEmpty)
        // One that its type only calls an archive.
        let typed = walk(NameWalkTests.multipart([NameWalkTests.part("Content-Type: application/zip", "x")]))
        #expect(typed.finding.unopened == ["application/zip"])
    }

    /// Names up to where it was cut, and a finding; the whole archive has none.
    @Test(arguments: ["zip", "7zip", "gnutar", "newc", "iso9660"]) func truncated(_ format: String) {
        let members = (0..<20).map { Samples.Member("name\($0).txt", (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) }) }
        let whole = Samples.archive(members, format: format)
        var most = 0
        for count in stride(from: 600, to: whole.count - 2000, by: whole.count > 200_000 ? 10_007 : 100) {
            let walked = walk(file: Array(whole.prefix(count)), "x." + format)
            most = max(most, walked.names.count - 1)
            // An image has two trees of names.
            #expect(walked.names.count <= (format == "iso9660" ? 41 : 21))
            // A tar archive that ends between two members is one without its end mark, as some are.
            if format != "iso9660", format != "gnutar" || count % 512 != 0 {
                #expect(walked.finding.unopened == ["x." + format], "\(count) of \(whole.count)")
            }
        }
        // What has its list of members at the end shows none without it.
        if format != "7zip" { #expect(most > 5) }
        #expect(walk(file: whole, "x").finding.unopened.isEmpty)
    }

    /// Office documents and programs of Java are archives.
    @Test func documents() {
        let document = Samples.archive([.init("[Content_Types].xml", Array("<xml/>".utf8)), .init("word/vbaProject.bin", [0xD0, 0xCF])])
        let walked = walk(file: document, "a.docm")
        #expect(walked.parts[0].kind?.rawValue == "ooxml" && walked.names.contains("word/vbaProject.bin"))
    }
}
