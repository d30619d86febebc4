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

    /// `blocks` begin at number 20, behind descriptors whose roots lie there.
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
        bytes += [UInt8](repeating: 0, count: 20 * 2048 - bytes.count)
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
}

extension NameWalk.Finding {
    init(names: Int) {
        self.init()
        self.names = names
    }
}
