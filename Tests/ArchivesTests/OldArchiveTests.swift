import Filter
import MailTesting
import Testing

@testable import Archives

/// Formats whose headers are walked by our own code.
@Suite struct OldArchiveTests {
    private static let little = Samples.little

    static func arj(
        _ name: String, _ content: [UInt8], method: UInt8 = 0, flags: UInt8 = 0, type: UInt8 = 0, extra: [UInt8] = []
    ) -> [UInt8] {
        func header(_ fixed: [UInt8], _ texts: [UInt8]) -> [UInt8] {
            let basic = [UInt8(fixed.count + 1)] + fixed + texts
            let more = extra.isEmpty ? [] : little(extra.count, 2) + extra + little(Samples.crc32(extra), 4)
            return [0x60, 0xEA] + little(basic.count, 2) + basic + little(Samples.crc32(basic), 4) + more + [0, 0]
        }
        let main = header([11, 1, 2, 0, 0, 2, 0] + [UInt8](repeating: 0, count: 22), Array("x.arj".utf8) + [0, 0])
        let fixed: [UInt8] = [11, 1, 2, flags, method, type, 0] + little(0, 4) + little(content.count, 4) + little(content.count, 4)
        let file = header(fixed + little(Samples.crc32(content), 4) + [0, 0, 0, 0, 0, 0], Array(name.utf8) + [0, 0])
        return main + file + content + [0x60, 0xEA, 0, 0]
    }

    static func zoo(_ name: String, _ content: [UInt8], long: String = "") -> [UInt8] {
        let tag: [UInt8] = [0xDC, 0xA7, 0xC4, 0xFD]
        let start = Array("ZOO 2.10 Archive.\u{1A}\0\0".utf8) + tag + little(34, 4) + little(-34, 4) + [2, 0]
        let length = 58 + long.utf8.count + 1
        let next = 34 + length + content.count
        func entry(_ next: Int, _ offset: Int, _ name: String, _ long: String) -> [UInt8] {
            var bytes: [UInt8] = tag + [2, 0] + little(next, 4) + little(offset, 4) + little(0, 4) + [0, 0]
            bytes += little(content.count, 4) + little(content.count, 4) + [2, 0, 0, 0] + little(0, 4) + [0, 0]
            bytes += Array(name.utf8.prefix(12)) + [UInt8](repeating: 0, count: 13 - min(12, name.utf8.count))
            return bytes + [0, 0, 0, 0, 0, long.isEmpty ? 0 : UInt8(long.utf8.count + 1), 0] + Array(long.utf8) + [0]
        }
        return start + entry(next, 34 + length, name, long) + content + entry(0, 0, "", "")
    }

    static func ace(_ name: String, _ content: [UInt8], flags: Int = 0) -> [UInt8] {
        func block(_ body: [UInt8]) -> [UInt8] { [0, 0] + little(body.count, 2) + body }
        let main = block([0, 0, 0x90] + Array("**ACE**".utf8) + [20, 20, 2, 0] + [UInt8](repeating: 0, count: 12))
        var file: [UInt8] =
            [1] + little(0x8001 | flags, 2) + little(content.count, 4) + little(content.count, 4) + [UInt8](repeating: 0, count: 12)
        file += [0, 3, 0, 0, 0, 0] + little(name.utf8.count, 2) + Array(name.utf8)
        return block(Array(main.dropFirst(4))) + block(file) + content
    }

    static func arc(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let field = Array(name.utf8.prefix(12)) + [UInt8](repeating: 0, count: 13 - min(12, name.utf8.count))
        return [0x1A, 2] + field + little(content.count, 4) + [0, 0, 0, 0, 0, 0] + little(content.count, 4) + content + [0x1A, 0]
    }

    static func tnef(_ attachments: [[(Int, [UInt8])]]) -> [UInt8] {
        func attribute(_ id: Int, _ data: [UInt8]) -> [UInt8] {
            [id == 0x9006 ? 1 : 2] + little(id, 2) + [6, 0] + little(data.count, 4) + data + little(data.reduce(0) { $0 + Int($1) }, 2)
        }
        let body = attachments.flatMap { attribute(0x9002, [UInt8](repeating: 0, count: 14)) + $0.flatMap { attribute($0.0, $0.1) } }
        return [0x78, 0x9F, 0x3E, 0x22, 1, 0] + attribute(0x9006, [0, 0, 1, 0]) + body
    }

    static func properties(_ list: [(type: Int, id: Int, value: [UInt8])]) -> [UInt8] {
        little(list.count, 4)
            + list.flatMap { type, id, value -> [UInt8] in
                let head = little(type, 2) + little(id, 2)
                guard [0x1E, 0x1F, 0x102, 0x0D].contains(type) else { return head + value }
                return head + little(1, 4) + little(value.count, 4) + value + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
            }
    }

    private static let make: [String: @Sendable (String, [UInt8]) -> [UInt8]] = [
        "arj": { arj($0, $1) }, "zoo": { zoo($0, $1) }, "ace": { ace($0, $1) }, "arc": { arc($0, $1) },
    ]

    /// Of these only libclamav's arj has an unpacker: a scan that asks for files is told of the others.
    @Test(arguments: [("arj", 0), ("zoo", 39), ("ace", 57), ("arc", 1)]) func whatIsPacked(_ format: String, _ method: Int) throws {
        let make = try #require(Self.make[format])
        var archive = format == "arj" ? Self.arj("a.com", Samples.program, method: 1) : make("a.com", Samples.program)
        if format != "arj" { archive[method] = 9 }
        let taken = Taken()
        let finding = archive.withUnsafeBytes { NameWalk().walk(file: $0, named: "x", for: taken) { _ in } }
        // The archive itself is a file too.
        #expect(taken.files == [archive.count])
        #expect(finding.unopened == (format == "arj" ? [] : ["x › a.com"]))
        #expect(walk(file: archive, "x").titles == ["x", "x › a.com"] && walk(file: archive, "x").finding.unopened == [])
    }

    /// Properties of an attachment that end too early may be those of its content.
    @Test func brokenProperties() {
        let sound = Self.properties([(0x1F, 0x3707, [0x61, 0, 0, 0]), (0x102, 0x3701, Samples.program)])
        func unopened(_ properties: [UInt8]) -> [String] {
            walk(file: Self.tnef([[(0x8010, [0x62, 0]), (0x9005, properties)]]), "winmail.dat").finding.unopened
        }
        #expect(unopened(sound) == [])
        #expect(unopened(Array(sound.dropLast(8))) == ["winmail.dat"])
        #expect(unopened(Samples.little(3, 4) + sound.dropFirst(4)) == ["winmail.dat"])
    }

    @Test(arguments: make.keys.sorted()) func formats(_ format: String) throws {
        let make = try #require(Self.make[format])
        let walked = walk(file: make("a.exe", Samples.program), "x")
        #expect(walked.titles == ["x", "x › a.exe"] && walked.kind("a.exe") == "exe-ms" && walked.kind("x") == format)
        #expect(walked.finding.unopened.isEmpty)
        let nested = walk(file: make("a.zip", Samples.archive([.init("b.exe", Samples.program)])), "x." + format)
        #expect(nested.titles.last == "x.\(format) › a.zip › b.exe")
        let whole = make("a.exe", Samples.program)
        // What says that the list is over, zoo's longer than the others'.
        for count in 60..<(whole.count - (format == "zoo" ? 21 : 2)) {
            let cut = walk(file: Array(whole.prefix(count)), "x." + format)
            #expect(cut.finding.unopened == ["x." + format], "\(count) of \(whole.count)")
        }
    }

    @Test func names() {
        #expect(walk(file: Self.zoo("short.exe", [1], long: "a long name.exe"), "x").names == ["x", "a long name.exe"])
        let bytes = Self.arj("#os.exe", Samples.program).map { $0 == UInt8(ascii: "#") ? 0xF1 : $0 }
        #expect(walk(file: bytes, "x").names == ["x", "ños.exe"])
    }

    @Test func encrypted() {
        #expect(walk(file: Self.arj("a.exe", [1], flags: 1), "x.arj").finding.encrypted == ["x.arj"])
        let ace = walk(file: Self.ace("a.exe", [1], flags: 0x4000), "x.ace")
        #expect(ace.finding.encrypted == ["x.ace"] && ace.parts.last?.isEncrypted == true)
    }

    /// What is packed can't be looked into: names are told all the same, and an archive in it is unopened.
    @Test func packed() {
        let walked = walk(file: Self.arj("a.exe", [1, 2, 3], method: 1), "x.arj")
        #expect(walked.names == ["x.arj", "a.exe"] && walked.parts[1].kind == nil && walked.finding.unopened.isEmpty)
        #expect(walk(file: Self.arj("a.zip", [1, 2, 3], method: 1), "x.arj").finding.unopened == ["x.arj › a.zip"])
    }

    /// A list of zoo's that points back.
    @Test func circle() {
        var bytes = Self.zoo("a.exe", Samples.program)
        bytes.replaceSubrange(40..<44, with: Self.little(34, 4))
        let walked = walk(file: bytes, "x.zoo")
        #expect(walked.names == ["x.zoo", "a.exe"] && walked.finding.unopened == ["x.zoo"])
    }

    @Test func winmail() {
        let utf16 = Array("años.exe\0".utf16).flatMap { Self.little(Int($0), 2) }
        let bytes = Self.tnef([
            [
                (0x8010, Array("A~1.EXE\0".utf8)), (0x800F, Samples.program),
                (0x9005, Self.properties([(3, 0x3705, [1, 0, 0, 0]), (0x1F, 0x3707, utf16)])),
            ],
            [(0x8010, Array("b.zip\0".utf8)), (0x800F, Samples.archive([.init("c.exe", Samples.program)]))],
            [
                (
                    0x9005,
                    Self.properties([
                        (0x1E, 0x3704, Array("d.txt\0".utf8)),
                        (0x0D, 0x3701, [UInt8](repeating: 9, count: 16) + Self.tnef([[(0x8010, Array("e.scr\0".utf8))]])),
                    ])
                )
            ],
        ])
        for walked in [walk(file: bytes, "winmail.dat"), walk(NameWalkTests.message("winmail.dat", bytes))] {
            #expect(
                walked.titles.suffix(6) == [
                    "winmail.dat › A~1.EXE", "winmail.dat › años.exe", "winmail.dat › b.zip", "winmail.dat › b.zip › c.exe",
                    "winmail.dat › d.txt",
                    "winmail.dat › d.txt › e.scr",
                ])
            #expect(walked.kind("años.exe") == "exe-ms" && walked.finding.unopened.isEmpty)
        }
        for count in 60..<(bytes.count - 2) { #expect(walk(file: Array(bytes.prefix(count)), "x").parts.count <= 7) }
    }

    /// Debian's clamav-testfiles: `clam.exe` is named wherever it has a name that is read here.
    @Test(arguments: [
        ("clam.7z", "clam.exe", "exe-ms"), ("clam.arj", "clam.exe", nil), ("clam.bin-be.cpio", "clam.exe", "exe-ms"),
        ("clam.bin-le.cpio", "clam.exe", "exe-ms"), ("clam.newc.cpio", "clam.exe", "exe-ms"), ("clam.odc.cpio", "clam.exe", "exe-ms"),
        ("clam.bz2.zip", "clam.exe", "exe-ms"), ("clam.cab", "clam.exe", "exe-ms"), ("clam.d64.zip", "clam.exe", nil),
        ("clam.impl.zip", "CLAM.EXE", nil), ("clam.exe.bz2", "clam.exe", "exe-ms"), ("clam.exe.mbox.base64", "clam.exe", "exe-ms"),
        ("clam.exe.mbox.uu", "clam.exe", "exe-ms"), ("clam.mail", "clam.exe", "exe-ms"), ("clam.tar.gz", "clam.exe", "exe-ms"),
        ("clam.tnef", "clam.exe", "exe-ms"), ("clam.zip", "clam.exe", "exe-ms"), ("clam_IScab_int.exe", "ISBEW64.exe", "exe-ms"),
    ]) func testFiles(_ file: String, _ name: String, _ kind: String?) throws {
        let walked = walk(file: try Samples.file(file), file)
        #expect(walked.names.dropFirst().contains(name) && walked.kind(name) == kind)
        #expect(walked.finding.unopened.isEmpty && walked.finding.encrypted.isEmpty && walked.finding.limits.isEmpty)
    }

    @Test func headersOfARJ() {
        let extended = walk(file: Self.arj("a.exe", Samples.program, extra: [1, 2, 3]), "x.arj")
        #expect(extended.names == ["x.arj", "a.exe"] && extended.kind("a.exe") == "exe-ms" && extended.finding.unopened.isEmpty)
        #expect(walk(file: Self.arj("dir", [], type: 3), "x.arj").parts.last?.kind == .directory)
        // Longer than any may be, and shorter.
        let long = walk(file: Self.arj(String(repeating: "a", count: 2_600), [1]), "x.arj")
        #expect(long.names == ["x.arj"] && long.finding.unopened == ["x.arj"])
        for fixed: UInt8 in [10, 29, 255] {
            var bytes = Self.arj("a.exe", [1])
            bytes[4] = fixed
            let walked = walk(file: bytes, "x.arj")
            #expect(walked.names == ["x.arj"] && walked.finding.unopened == ["x.arj"])
        }
    }

    /// Properties with names of their own before the one that is wanted, a file that is cut off, and more than one of anything.
    @Test func oddTNEF() {
        let value = little16("a.exe\0")
        func named(_ kind: Int, _ rest: [UInt8]) -> [UInt8] {
            Self.little(0x1F, 2) + Self.little(0x8001, 2) + [UInt8](repeating: 7, count: 16) + Self.little(kind, 4) + rest
                + Self.little(1, 4) + Self.little(3, 4) + [1, 2, 3, 0]
        }
        let wanted = Self.little(0x1F, 2) + Self.little(0x3707, 2) + Self.little(1, 4) + Self.little(value.count, 4) + value
        for before in [named(0, Self.little(9, 4)), named(1, Self.little(5, 4) + [1, 0, 2, 0, 0, 0, 0, 0])] {
            let bytes = Self.tnef([[(0x800F, Samples.program), (0x9005, Self.little(2, 4) + before + wanted)]])
            let walked = walk(file: bytes, "winmail.dat")
            #expect(walked.names == ["winmail.dat", "a.exe"] && walked.kind("a.exe") == "exe-ms", "\(walked)")
        }
        let whole = Self.tnef([[(0x8010, Array("a.exe\0".utf8)), (0x800F, Samples.program)]])
        #expect(walk(file: whole, "winmail.dat").finding.unopened.isEmpty)
        let cut = walk(file: Array(whole.dropLast(5)), "winmail.dat")
        #expect(cut.finding.unopened == ["winmail.dat"] && cut.names.contains("a.exe"))
        let names = Self.tnef([(0..<9).map { (0x8010, Array("\($0).txt\0".utf8)) }])
        #expect(walk(file: names, "winmail.dat").finding.limits == ["size"])
        let zip = Samples.archive([.init("b.exe", Samples.program)])
        for contents in [[zip, [0x41]], [[0x41], zip]] {
            let twice = Self.tnef([[(0x8010, Array("a.dat\0".utf8))] + contents.map { (0x800F, $0) }])
            #expect(walk(file: twice, "winmail.dat").titles.contains("winmail.dat › a.dat › b.exe"))
        }
    }

    private func little16(_ text: String) -> [UInt8] {
        let bytes = text.utf16.flatMap { Self.little(Int($0), 2) }
        return bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
    }
}
