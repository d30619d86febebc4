import CArchive
import Dispatch
import Filter
import FoundationEssentials
import Glibc
import MailTesting
import Testing

@testable import Scanner

/// Messages that no scanner comes to an end with, in this process and in the scanner's own: each gets a verdict that policy treats, in bounded
/// time and memory, and the next message is looked at as if nothing had been.
@Suite(.serialized, .timeLimit(.minutes(5))) struct EndlessTests {
    struct Trap: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var limits: Set<String>
        var make: @Sendable () -> [UInt8]

        init(_ name: String, _ limits: Set<String>, _ make: @escaping @Sendable () -> [UInt8]) {
            (testDescription, self.limits, self.make) = (name, limits, make)
        }

        static func attached(_ name: String, _ limits: Set<String>, _ make: @escaping @Sendable () -> [UInt8]) -> Trap {
            Trap(name, limits) { Letter.attached(make(), name: name) }
        }
    }

    private static func text(_ text: String) -> [UInt8] { Array((Letter.top + "MIME-Version: 1.0\r\n" + text).utf8) }

    /// One stream behind the other.
    private static func streams(_ filter: CInt) -> [UInt8] {
        let zeros = [UInt8](repeating: 0, count: 32 << 20)
        let stream = [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
            let archive = archive_write_new()
            defer { archive_write_free(archive) }
            archive_write_set_format_raw(archive)
            archive_write_add_filter(archive, filter)
            archive_write_set_bytes_per_block(archive, 0)
            archive_write_open_memory(archive, buffer.baseAddress, buffer.count, &count)
            let entry = archive_entry_new()
            archive_entry_set_filetype(entry, 0o100000)
            archive_write_header(archive, entry)
            archive_write_data(archive, zeros, zeros.count)
            archive_entry_free(entry)
            archive_write_close(archive)
        }
        return (0..<128).flatMap { _ in stream }
    }

    private static func nest() -> [UInt8] {
        let (zeros, count) = Bomb.deflated(zeros: 4 << 20)
        var bytes =
            [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + zeros + ArchiveBytes.little(Int(CRC32.of([], zeros: count)), 4)
            + ArchiveBytes.little(count, 4)
        for level in 0..<2 { bytes = ArchiveBytes.zip((0..<16).map { ("lib \(level) \($0)", bytes) }) }
        return bytes
    }

    /// The limits of which at least one is to be named, whichever of walk and scan comes to it: the time only where libclamav may take all of it.
    static let traps: [Trap] = [
        .attached("r.gz", ["depth"]) { Quine.gzip() ?? [] },
        .attached("r.zip", ["depth"]) { Quine.zip() ?? [] },
        .attached("42.zip", ["size", "files", "time"], nest),
        .attached("overlapping.zip", ["size", "files", "time"]) { Bomb.overlapping(members: 500, kernel: 4 << 20, suffix: ".zip") },
        .attached("four.gz", ["size"]) { Bomb.gzip(zeros: 4 << 30) },
        .attached("four.bz2", ["size"]) { streams(ARCHIVE_FILTER_BZIP2) },
        .attached("four.xz", ["size"]) { streams(ARCHIVE_FILTER_XZ) },
        .attached("four.zst", ["size"]) { Bomb.zstd(zeros: 4 << 30) },
        .attached("names.zip", ["files", "size", "time"]) { ArchiveBytes.zip((0..<70_000).map { ("\($0)", []) }) },
        .attached("huge.tar", []) { Bomb.tar("a.exe", size: [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 0xFF, count: 7)) },
        Trap("10,000 multiparts in one another", ["depth"]) { text(Bomb.multiparts(deep: 10_000)) },
        Trap("100,000 parts", ["files", "time"]) { text(Bomb.parts(100_000)) },
    ]

    private static let order = InspectionOrder(virus: true, bannedNames: [Policy.standard.bannedNames])

    /// All in this process; in the scanner's own those that are quickly over, and one that is killed at its deadline.
    private static let cases = Home.all.flatMap { home in
        traps.enumerated().filter { home == .local || [0, 1, 7, 9, 10].contains($0.offset) }.map { (home, $0.element) }
    }

    @Test(arguments: cases) func `ends`(_ home: Home, _ trap: Trap) async throws {
        let folder = try TemporaryFolder()
        let settings = ScanSettings(limits: ScanLimits(seconds: 10), temporaryDirectory: folder.path + "/tmp")
        let signatures = Signatures(.init(source: nil, settings: settings, lanes: home.lanes), loader: home.loader())
        signatures.setEnabled(true)
        await signatures.settle()
        let inspector = ScannerInspector(signatures, .init(threads: 2, seconds: 10), work: nil, onStuck: {})
        let message = trap.make()
        let content = MemoryContent(message)
        Figures.forgetPeak()
        let before = Figures.resident
        let start = ContinuousClock.now
        let found = await inspector.inspect(content, Self.order)
        let took = ContinuousClock.now - start
        Figures.tell(
            "\(home), \(trap.testDescription), \(message.count >> 10) KiB: \(found.virusMilliseconds) + \(found.namesMilliseconds) ms, "
                + "\(found.virus), limits \(found.limits), unopened \(found.unopened), at most \((Figures.peak - before) >> 10) MiB more here"
        )
        #expect(took < .seconds(30))
        // Nothing about it is waved through: a limit, or that nobody opened it.
        #expect(!trap.limits.isDisjoint(with: found.limits) || trap.limits.isEmpty && !found.unopened.isEmpty, "\(found)")
        #expect(found.virus == .clean || found.virus == .infected(["Heuristics.Zip.OverlappingFiles"]), "\(found)")
        let verdict = Verdict(Evidence(inspection: found), .standard, PolicyLayers([]).opinion(of: nil))
        #expect(trap.limits.isEmpty ? verdict.objections.map(\.category) == [.unopened] : verdict.blocking != nil)
        // The next one.
        let next = MemoryContent(Letter.attached(EmbeddedSignature.testFile))
        #expect(await inspector.inspect(next, InspectionOrder(virus: true)).virus == .infected(["Eicar-Test-Signature"]))
        #expect(inspector.stuck == 0)
        inspector.close()
    }
}

/// For whoever asks: BUZON_MEASURE=1.
private enum Figures {
    private static let isAsked = getenv("BUZON_MEASURE") != nil

    static func tell(_ line: @autoclosure () -> String) { if isAsked { print(line()) } }

    /// KiB of this process, as the system counts.
    static var resident: Int { status("VmRSS:") }
    static var peak: Int { status("VmHWM:") }

    static func forgetPeak() { if isAsked { try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs")) } }

    private static func status(_ name: String) -> Int {
        let text = (try? Data(contentsOf: URL(filePath: "/proc/self/status"))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        return line.flatMap { Int($0.dropFirst(name.count).filter(\.isNumber)) } ?? 0
    }
}
