import Filter
import MailTesting
import Testing

@testable import Archives

/// Cabinets, whose folders are streams of many members.
@Suite struct CabinetTests {
    struct File {
        var name: String
        var offset: Int
        var length: Int
        var folder = 0
        var attributes = 0x20
    }

    /// `blocks` are the data of each folder, 32 KiB or less unpacked each.
    static func cabinet(
        _ files: [File], _ folders: [[(packed: [UInt8], size: Int)]], method: Int = 0, flags: Int = 0, listed: Int? = nil, checksum: Int = 0
    ) -> [UInt8] {
        let little = Samples.little
        let neighbours: [UInt8] = [0x64, 0, 0x65, 0]
        let list = files.reduce(into: [UInt8]()) { list, file in
            list += little(file.length, 4) + little(file.offset, 4) + little(file.folder, 2) + [0x21, 0x50, 0, 0]
            list += little(file.attributes, 2)
            list += Array(file.name.utf8) + [0]
        }
        let start = 36 + (flags & 1 + flags >> 1 & 1) * 4 + folders.count * 8
        var data: [UInt8] = []
        var heads: [UInt8] = []
        for blocks in folders {
            heads += little(start + list.count + data.count, 4) + little(blocks.count, 2) + little(method, 2)
            for block in blocks { data += little(checksum, 4) + little(block.packed.count, 2) + little(block.size, 2) + block.packed }
        }
        var bytes = Array("MSCF\0\0\0\0".utf8) + little(start + list.count + data.count, 4) + little(0, 4) + little(listed ?? start, 4)
        bytes += little(0, 4) + [3, 1] + little(folders.count, 2) + little(files.count, 2) + little(flags, 2) + [1, 0, 0, 0]
        for _ in 0..<(flags & 1 + flags >> 1 & 1) { bytes += neighbours }
        return bytes + heads + list + data
    }

    private static let zip = Samples.archive([.init("b.exe", Samples.program)])

    /// Members one behind the other.
    private static func files(_ contents: [(String, [UInt8])]) -> [File] {
        var offset = 0
        return contents.map { name, content in
            defer { offset += content.count }
            return File(name: name, offset: offset, length: content.count)
        }
    }

    private static let contents: [(String, [UInt8])] = [
        ("a.txt", Array("hello\n".utf8)), ("dir\\a.exe", Samples.program), ("empty", []),
        ("long.txt", [UInt8](repeating: 0x61, count: 50_000)), ("x.zip", zip), ("last.exe", Samples.program),
    ]
    private static let stream = contents.flatMap(\.1)
    private static let names = ["x.cab", "a.txt", "dir/a.exe", "empty", "long.txt", "x.zip", "b.exe", "last.exe"]

    private static func blocks(_ pack: ([UInt8]) -> [UInt8]) -> [(packed: [UInt8], size: Int)] {
        stride(from: 0, to: stream.count, by: 32_768).map { start in
            let part = Array(stream[start..<min(start + 32_768, stream.count)])
            return (pack(part), part.count)
        }
    }

    /// Deflate's stored blocks, as MSZIP wraps them.
    private static func zipped(_ part: [UInt8]) -> [UInt8] {
        [0x43, 0x4B, 1] + Samples.little(part.count, 2) + Samples.little(~part.count, 2) + part
    }

    /// Seeds for those who change bytes.
    static let samples = [
        cabinet(files(contents), [blocks { $0 }]), cabinet(files(contents), [blocks(zipped)], method: 1),
    ]

    @Test func oneStream() {
        for bytes in [
            Self.cabinet(Self.files(Self.contents), [Self.blocks { $0 }]),
            Self.cabinet(Self.files(Self.contents), [Self.blocks(Self.zipped)], method: 1),
        ] {
            let walked = walk(file: bytes, "x.cab")
            #expect(walked.names == Self.names && walked.finding.unopened.isEmpty && walked.finding.limits.isEmpty)
            #expect(walked.kind("dir/a.exe") == "exe-ms" && walked.kind("last.exe") == "exe-ms" && walked.kind("b.exe") == "exe-ms")
            #expect(walked.kind("empty") == "empty" && walked.kind("long.txt") == "txt")
        }
    }

    @Test func folders() {
        let files = [
            File(name: "a.exe", offset: 0, length: Samples.program.count),
            File(name: "b.zip", offset: 0, length: Self.zip.count, folder: 1),
            File(name: "ñ.txt", offset: Self.zip.count, length: 2, folder: 1, attributes: 0xA0),
        ]
        let bytes = Self.cabinet(files, [[(Samples.program, Samples.program.count)], [(Self.zip + [0x41, 0x42], Self.zip.count + 2)]])
        let walked = walk(file: bytes, "x")
        #expect(walked.names == ["x", "a.exe", "b.zip", "b.exe", "ñ.txt"] && walked.finding.unopened.isEmpty)
    }

    /// A part of a set: what lies in this one is read, the rest is named.
    @Test func spanned() {
        let whole = File(name: "a.exe", offset: 0, length: Samples.program.count)
        let next = File(name: "b.exe", offset: Samples.program.count, length: 100_000, folder: 0xFFFE)
        let data = Samples.program + Samples.program
        let first = walk(file: Self.cabinet([whole, next], [[(data, data.count)]], flags: 2), "x.cab")
        #expect(first.names == ["x.cab", "a.exe", "b.exe"] && first.kind("a.exe") == "exe-ms" && first.finding.unopened == ["x.cab"])
        let previous = File(name: "b.exe", offset: 0, length: 500, folder: 0xFFFD)
        let second = walk(file: Self.cabinet([previous], [[(data, data.count)]], flags: 1), "x.cab")
        #expect(second.names == ["x.cab", "b.exe"] && second.parts[1].kind == nil && second.finding.unopened == ["x.cab"])
    }

    @Test func broken() {
        let whole = Self.cabinet(Self.files(Self.contents), [Self.blocks { $0 }])
        var named = 0
        for count in stride(from: 40, to: whole.count - Samples.program.count - 1, by: 97) {
            let walked = walk(file: Array(whole.prefix(count)), "x.cab")
            named = max(named, walked.names.count)
            #expect(walked.finding.unopened.contains("x.cab"), "\(count) of \(whole.count)")
        }
        #expect(named >= 7)
        // Data whose sum is another one, and a folder that isn't there.
        let sum = walk(file: Self.cabinet(Self.files(Self.contents), [Self.blocks { $0 }], checksum: 7), "x.cab")
        #expect(sum.names == Self.names.filter { $0 != "b.exe" } && sum.finding.unopened == ["x.cab"])
        var files = Self.files(Self.contents)
        files[1].folder = 3
        let folder = walk(file: Self.cabinet(files, [Self.blocks { $0 }]), "x.cab")
        #expect(folder.names == Self.names.filter { $0 != "b.exe" } && folder.finding.unopened == ["x.cab"])
        #expect(walk(file: Array("MSCF\0\0\0\0".utf8) + [UInt8](repeating: 0, count: 40), "x.cab").finding.unopened == ["x.cab"])
    }

    /// A second list of members, where the header says that it is.
    @Test func twoLists() {
        let decoy = Self.cabinet([File(name: "b.exe", offset: 0, length: 4)], [[([1, 2, 3, 4], 4)]])
        let shown = Self.cabinet([File(name: "a.txt", offset: 0, length: 4)], [[([0x61, 0x62, 0x63, 0x64], 4)]])
        let hiding = Self.cabinet(
            [File(name: "a.txt", offset: 0, length: 4)], [[([0x61, 0x62, 0x63, 0x64], 4)]], listed: shown.count + 44)
        let walked = walk(file: hiding + decoy, "x.cab")
        #expect(walked.names == ["x.cab", "a.txt", "b.exe"] && walked.finding.unopened == ["x.cab"])
    }

    /// Members that lie over one another are unpacked again and again, and folders are looked for from the first.
    @Test func costly() {
        let zeros = [(packed: [UInt8](repeating: 0, count: 32_768), size: 32_768)]
        let files = (0..<15_000).map { File(name: "n\($0)", offset: 15_000 - $0, length: 10_000) }
        let start = ContinuousClock.now
        let overlapping = walk(file: Self.cabinet(files, [zeros]), "x.cab")
        #expect(overlapping.finding.limits == ["size"] && overlapping.names.count == 15_001)
        let many = (0..<60_000).map { File(name: "n\($0)", offset: 0, length: 1, folder: 59_999) }
        let folders = walk(file: Self.cabinet(many, .init(repeating: [], count: 60_000)), "x.cab")
        #expect(folders.finding.limits == ["files"] && folders.finding.unopened == ["x.cab"])
        #expect(ContinuousClock.now - start < .seconds(10))
        let bomb = File(name: "a.zip", offset: 0, length: 3 << 20)
        let blocks = [(packed: [UInt8], size: Int)](repeating: zeros[0], count: 96)
        for limits in [NameWalk.Limits(expanded: 1 << 20), NameWalk.Limits(held: 1 << 20)] {
            #expect(walk(file: Self.cabinet([bomb], [blocks]), "x.cab", limits).finding.limits == ["size"])
        }
        #expect(walk(file: Self.cabinet([bomb], [blocks]), "x.cab", NameWalk.Limits(seconds: 0)).finding.limits == ["time"])
    }

    /// The memory of the library is given back.
    @Test func memory() {
        let bytes = Self.cabinet(Self.files(Self.contents), [Self.blocks(Self.zipped)], method: 1)
        var claimed = 0
        var most = 0
        bytes.withUnsafeBytes { bytes in
            let reader = CabinetReader(bytes, Clock(seconds: 10)) {
                claimed += $0
                most = max(most, claimed)
                return true
            }
            let count = reader?.members.count
            #expect(count == 6)
            if let reader { #expect(reader.extract(reader.members[3]) { _ in true } == .whole) }
        }
        #expect(claimed == 0 && most > 10_000)
        bytes.withUnsafeBytes { bytes in
            for room in stride(from: 0, to: most, by: 499) {
                var left = room
                let reader = CabinetReader(bytes, Clock(seconds: 10)) {
                    guard $0 <= left else { return false }
                    left -= $0
                    return true
                }
                if let reader { #expect(reader.extract(reader.members[3]) { _ in true } == .broken) }
            }
        }
    }
}
