import Filter
import MailTesting
import Testing

@testable import Archives

/// ISO 9660 images, whose two trees need not agree.
@Suite struct ImageTests {
    struct Entry {
        var name: [UInt8]
        var start: Int
        var length: Int
        var flags = 0
        var rest: [UInt8] = []
    }

    private static func record(_ entry: Entry) -> [UInt8] {
        let padding = (entry.name.count + 1) % 2
        let size = 33 + entry.name.count + padding + entry.rest.count
        var bytes = [UInt8(size + size % 2), 0] + Samples.little(entry.start, 4) + [0, 0, 0, 0] + Samples.little(entry.length, 4)
        bytes += [UInt8](repeating: 0, count: 11) + [UInt8(entry.flags)] + [UInt8](repeating: 0, count: 6) + [UInt8(entry.name.count)]
        return bytes + entry.name + [UInt8](repeating: 0, count: padding) + entry.rest + [UInt8](repeating: 0, count: size % 2)
    }

    /// `blocks` begin at number 20, or behind the descriptors where those are many.
    static func image(_ roots: [(isJoliet: Bool, block: Int)], _ blocks: [[UInt8]], start: [UInt8] = []) -> [UInt8] {
        func block(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: 2048 - bytes.count) }
        var bytes = start + [UInt8](repeating: 0, count: 32_768 - start.count)
        for root in roots {
            var descriptor = [root.isJoliet ? 2 : 1] + Array("CD001\u{1}".utf8) + [UInt8](repeating: 0, count: 2041)
            if root.isJoliet { descriptor.replaceSubrange(88..<91, with: Array("%/E".utf8)) }
            descriptor.replaceSubrange(156..<190, with: record(Entry(name: [0], start: root.block, length: 2048, flags: 2)))
            bytes += descriptor
        }
        bytes += block([255] + Array("CD001\u{1}".utf8))
        bytes += [UInt8](repeating: 0, count: max(20, 17 + roots.count) * 2048 - bytes.count)
        return bytes + blocks.flatMap { block($0) }
    }

    private static func list(_ entries: [Entry]) -> [UInt8] {
        entries.flatMap { record($0) }
    }

    private static func wide(_ name: String) -> [UInt8] { name.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } }

    private static let size = Samples.program.count

    @Test func trees() {
        let joliet = Self.list([Entry(name: Self.wide("año nuevo.txt;1"), start: 22, length: Self.size)])
        let primary = Self.list([
            Entry(name: Array("B.EXE;1".utf8), start: 22, length: Self.size),
            Entry(name: Array("C.;1".utf8), start: 23, length: 1, rest: Array("NM".utf8) + [10, 1, 0] + Array("c.com".utf8)),
        ])
        let bytes = Self.image([(false, 21), (true, 20)], [joliet, primary, Samples.program, [0x41]])
        for name in ["x.iso", "x"] {
            let walked = walk(file: bytes, name)
            #expect(walked.names == [name, "año nuevo.txt", "B.EXE", "C", "c.com"] && walked.finding == .init(names: 5), "\(walked)")
            #expect(walked.kind("año nuevo.txt") == "exe-ms" && walked.kind("B.EXE") == "exe-ms" && walked.kind("c.com") == "txt")
        }
        // Behind something that says otherwise at the beginning.
        for start in [Samples.program, Array("MZ".utf8), [0xFF, 0xD8, 0xFF, 0xE0], Array("text".utf8)] {
            let walked = walk(file: Self.image([(true, 20)], [joliet, [], Samples.program], start: start), "x.iso")
            #expect(walked.names == ["x.iso", "año nuevo.txt"], "\(walked)")
        }
    }

    /// Many records of the same bytes are one file to whoever takes it.
    @Test func manyOfOne() {
        let list = Self.list((0..<40).map { Entry(name: Array("F\($0)".utf8), start: 21, length: 2000) })
        let taken = Taken()
        let image = Self.image([(false, 20)], [list, []])
        let finding = image.withUnsafeBytes { NameWalk().walk(file: $0, named: "x.iso", for: taken) { _ in } }
        #expect(finding.names == 41 && taken.files == [image.count, 2000])
    }

    @Test func pieces() {
        var random = ArchiveFuzzTests.Numbers(state: 0x9E37_79B9_7F4A_7C15)
        let whole = Samples.archive([.init("b.exe", (0..<3000).map { _ in UInt8(random.below(256)) })])
        let list = Self.list([
            Entry(name: Array("A.ZIP".utf8), start: 21, length: 2048, flags: 0x80),
            Entry(name: Array("A.ZIP".utf8), start: 22, length: whole.count - 2048),
        ])
        let walked = walk(file: Self.image([(false, 20)], [list, Array(whole.prefix(2048)), Array(whole.dropFirst(2048))]), "x")
        #expect(walked.names == ["x", "A.ZIP", "b.exe"] && walked.finding.unopened.isEmpty, "\(walked)")
    }

    /// Directories that hold themselves and one another, files that lie beyond the end, and numbers of any size.
    @Test func broken() {
        let loop = Self.list([
            Entry(name: Array("D".utf8), start: 20, length: 2048, flags: 2),
            Entry(name: Array("E".utf8), start: 21, length: 2048, flags: 2),
            Entry(name: Array("F.EXE".utf8), start: 21, length: 9),
        ])
        let circles = walk(file: Self.image([(false, 20)], [loop, loop]), "x")
        #expect(circles.names == ["x", "D", "E", "E/D", "E/E", "E/F.EXE", "F.EXE"], "\(circles)")
        let far = Self.list([Entry(name: Array("A.EXE".utf8), start: 0xFFFF_FFFF, length: 0xFFFF_FFFF)])
        let beyond = walk(file: Self.image([(false, 20)], [far]), "x.iso")
        #expect(beyond.names == ["x.iso", "A.EXE"] && beyond.finding.unopened == ["x.iso"], "\(beyond)")
        #expect(walk(file: Self.image([], []), "x.iso").finding.unopened == ["x.iso"])
        let short = walk(file: Array(Self.image([(false, 20)], [loop]).dropLast(2000)), "x.iso")
        #expect(short.finding.unopened == ["x.iso"])
    }

    /// Directories in one another: as many as any reader follows, then a limit; what they take counts.
    @Test func deepTree() {
        let blocks = (0..<100).map { Self.list([Entry(name: Array("D".utf8), start: 21 + $0, length: 2048, flags: 2)]) }
        let image = Self.image([(false, 20)], blocks + [[]])
        let walked = walk(file: image, "x")
        #expect(walked.finding.limits == ["depth"] && walked.names.count == 65)
        let few = walk(file: image, "x", NameWalk.Limits(expanded: 3 * 2048))
        #expect(few.finding.limits == ["size"] && few.names.count == 4)
    }

    @Test func directories() {
        let root = Self.list([
            Entry(name: [0], start: 20, length: 2048, flags: 2), Entry(name: [1], start: 20, length: 2048, flags: 2),
            Entry(name: Array("D".utf8), start: 21, length: 4096, flags: 2),
        ])
        let first = Self.list([Entry(name: Array("A.EXE".utf8), start: 23, length: Self.size)])
        // Behind an extended attribute record of one block.
        var second = Self.list([Entry(name: Array("B.EXE".utf8), start: 22, length: Self.size)])
        second[1] = 1
        let walked = walk(file: Self.image([(false, 20)], [root, first, second, Samples.program]), "x")
        #expect(walked.names == ["x", "D", "D/A.EXE", "D/B.EXE"] && walked.finding.unopened.isEmpty, "\(walked)")
        #expect(walked.kind("D/A.EXE") == "exe-ms" && walked.kind("D/B.EXE") == "exe-ms")
    }

    /// Pieces of a file that do not lie behind one another, and what only the second tree has.
    @Test func piecesAndTrees() {
        let torn = Self.list([
            Entry(name: Array("A.ZIP".utf8), start: 21, length: 2048, flags: 0x80), Entry(name: Array("A.ZIP".utf8), start: 23, length: 9),
        ])
        #expect(walk(file: Self.image([(false, 20)], [torn, [], [], []]), "x").finding.unopened == ["x", "x › A.ZIP"])
        // A piece that none follows, two pieces of two names, and two lists that begin at one place.
        let alone = Self.list([Entry(name: Array("A.EXE".utf8), start: 21, length: 9, flags: 0x80)])
        let left = walk(file: Self.image([(false, 20)], [alone, []]), "x")
        #expect(left.names == ["x", "A.EXE"] && left.finding.unopened == ["x"], "\(left)")
        let two = Self.list([
            Entry(name: Array("A.EXE".utf8), start: 21, length: 2048, flags: 0x80), Entry(name: Array("A.TXT".utf8), start: 22, length: 9),
        ])
        #expect(walk(file: Self.image([(false, 20)], [two, [], []]), "x").names == ["x", "A.EXE", "A.TXT"])
        let short = Self.list([
            Entry(name: Array("D".utf8), start: 21, length: 2048, flags: 2),
            Entry(name: Array("E".utf8), start: 21, length: 4096, flags: 2),
        ])
        let behind = Self.list([Entry(name: Array("A.EXE".utf8), start: 21, length: 9)])
        #expect(walk(file: Self.image([(false, 20)], [short, [], behind]), "x").names.contains("E/A.EXE"))
        let joliet = Self.list([Entry(name: Self.wide("a.txt"), start: 22, length: 1)])
        let primary = Self.list([Entry(name: Array("B.ZIP".utf8), start: 23, length: 2048)])
        let zip = Samples.archive([.init("b.exe", Samples.program)], options: "zip:compression=store")
        let walked = walk(file: Self.image([(true, 20), (false, 21)], [joliet, primary, [0x41], zip]), "x")
        #expect(walked.titles.contains("x › B.ZIP › b.exe"), "\(walked)")
    }

    /// Readers differ in which of many descriptors they take, pass over blocks that are none, and may know a tree of UDF beside.
    @Test func manyDescriptors() {
        let (base, plain) = (17 + 21, Self.list([Entry(name: Array("A.TXT".utf8), start: 17 + 21 + 2, length: 1)]))
        let evil = Self.list([Entry(name: Self.wide("b.exe"), start: base + 2, length: 1)])
        let many = Self.image(Array(repeating: (false, base), count: 20) + [(true, base + 1)], [plain, evil, [0x41]])
        #expect(walk(file: many, "x").finding.unopened == ["x"])
        var gap = Self.image([(false, 20), (false, 20), (true, 21)], [Self.list([]), evil, [0x41]])
        gap.replaceSubrange(17 * 2048..<18 * 2048, with: [UInt8](repeating: 0, count: 2048))
        #expect(walk(file: gap, "x").names.contains("b.exe"))
        var bridge = Self.image([(false, 20)], [Self.list([Entry(name: Array("A.TXT".utf8), start: 21, length: 1)]), [0x41]])
        #expect(walk(file: bridge, "x").finding.unopened.isEmpty)
        bridge.replaceSubrange(18 * 2048 + 1..<18 * 2048 + 6, with: Array("NSR02".utf8))
        #expect(walk(file: bridge, "x").finding.unopened == ["x"] && walk(file: bridge, "x").names.contains("A.TXT"))
    }
}

extension NameWalk.Finding {
    init(names: Int) {
        self.init()
        self.names = names
    }
}
