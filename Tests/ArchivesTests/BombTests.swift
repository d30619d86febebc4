import Filter
import MailTesting
import Testing

@testable import Archives

/// Archives that are made to take everything: bounded, and never without a word.
@Suite(.serialized) struct BombTests {
    private typealias Limits = NameWalk.Limits

    private static func zip(_ name: String, deflated: [UInt8], size: Int) -> [UInt8] {
        let little = Samples.little
        let fields =
            [20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x50] + little(0, 4) + little(deflated.count, 4) + little(size, 4) + little(name.utf8.count, 2)
        let local = Array("PK\u{3}\u{4}".utf8) + fields + [0, 0] + Array(name.utf8) + deflated
        let central = Array("PK\u{1}\u{2}".utf8) + [20, 0] + fields + [UInt8](repeating: 0, count: 16) + Array(name.utf8)
        return local + central + Array("PK\u{5}\u{6}\0\0\0\0".utf8) + [1, 0, 1, 0] + little(central.count, 4) + little(local.count, 4) + [
            0, 0,
        ]
    }

    private func timed(_ limit: Duration, _ body: () -> Walked) -> Walked {
        let start = ContinuousClock.now
        let walked = body()
        let took = ContinuousClock.now - start
        #expect(took < limit, "took \(took)")
        return walked
    }

    /// What is too large to be held is gone through for its fingerprint, and is no limit by that.
    @Test(arguments: ["zip", "7zip", "gnutar"]) func largerThanWhatIsHeld(_ format: String) {
        let file = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 9) }
        let archive = Samples.archive([.init("a.csv", file), .init("b.csv", Array("hello".utf8))], format: format)
        let taken = Taken()
        let limits = Limits(held: 2 << 20)
        let finding = archive.withUnsafeBytes { NameWalk(limits).walk(file: $0, named: "x", for: taken) { _ in } }
        #expect(finding.limits == [] && finding.unopened == [] && taken.files == [archive.count, 5])
        #expect(taken.large == [file.withUnsafeBytes { Fingerprint($0) }])
    }

    @Test func flat() {
        let bytes = Self.zip("a.dat", deflated: Bomb.deflated(zeros: 1 << 30).bytes, size: 1 << 30)
        let walked = timed(.seconds(2)) { walk(file: bytes, "x.zip") }
        #expect(walked.names == ["x.zip", "a.dat"] && walked.parts[1].kind == .data && walked.finding.limits.isEmpty)
        // Who wants to be looked into is unpacked as far as the limits go.
        let asked = Self.zip("a.zip", deflated: Bomb.deflated(zeros: 1 << 30).bytes, size: 1 << 30)
        #expect(timed(.seconds(5)) { walk(file: asked, "x.zip") }.finding.limits == ["size"])
        #expect(walk(file: asked, "x.zip", Limits(expanded: 1 << 20)).finding.limits == ["size"])
        #expect(walk(file: asked, "x.zip", Limits(held: 1 << 20)).finding.limits == ["size"])
        let packed = Samples.compressed(asked, "gzip")
        #expect(timed(.seconds(5)) { walk(file: packed, "x.zip.gz") }.finding.limits == ["size"])
    }

    /// 42.zip: sixteen in each of sixteen in each …
    @Test func nest() {
        var bytes = Self.zip("0.dll", deflated: Bomb.deflated(zeros: 1 << 20).bytes, size: 4_294_967_295)
        for level in 0..<5 {
            bytes = Samples.archive((0..<16).map { .init("lib \(level)\($0).zip", bytes) })
        }
        let walked = timed(.seconds(20)) { walk(file: bytes, "42.zip") }
        #expect(walked.finding.limits == ["files"] || walked.finding.limits == ["size"])
        #expect(walked.finding.names <= 20_000)
        let few = timed(.seconds(5)) { walk(file: bytes, "42.zip", Limits(names: 500)) }
        #expect(few.finding.limits == ["files"] && few.parts.count == 500 && few.finding.names == 500)
    }

    @Test(arguments: ["zip", "gnutar", "7zip"]) func deep(_ format: String) {
        var bytes = Samples.archive([.init("a.exe", Samples.program)], format: format)
        for level in 0..<15 { bytes = Samples.archive([.init("\(level).x", bytes)], format: format) }
        #expect(walk(file: bytes, "x").names.last == "a.exe")
        #expect(walk(file: bytes, "x").finding.limits.isEmpty)
        for level in 0..<20 { bytes = Samples.archive([.init("\(level).x", bytes)], format: format) }
        let walked = walk(file: bytes, "x")
        #expect(walked.finding.limits == ["depth"] && walked.names.count == 18)
        #expect(walk(file: bytes, "x", Limits(depth: 1)).names.count == 2)
        #expect(walk(file: bytes, "x", Limits(depth: 0)).names == ["x"])
    }

    /// A compressed file in a compressed file in …: one filter at a time.
    @Test func filters() {
        var bytes = Samples.compressed(Samples.program, "gzip")
        for _ in 0..<40 { bytes = Samples.compressed(bytes, "gzip") }
        let walked = timed(.seconds(2)) { walk(file: bytes, "a.gz") }
        #expect(walked.finding.limits == ["depth"] && walked.names.count == 18)
        var mixed = Samples.compressed(Samples.program, "gzip")
        for filter in ["bzip2", "xz", "zstd", "compress", "lz4", "lzip", "lzma"] { mixed = Samples.compressed(mixed, filter) }
        #expect(walk(file: mixed, "a").parts.last?.kind == .windowsProgram)
    }

    @Test(arguments: ["zip", "gnutar", "7zip"]) func names(_ format: String) {
        let bytes = Samples.archive((0..<(format == "zip" ? 100_000 : 25_000)).map { .init("n\($0).txt", []) }, format: format)
        let walked = timed(.seconds(5)) { walk(file: bytes, "x") }
        #expect(walked.finding.limits == ["files"] && walked.parts.count == 20_000)
    }

    /// Far behind, and the same each time.
    @Test(arguments: ["zip", "gnutar", "7zip"]) func lastName(_ format: String) {
        let members = (0..<12_000).map { Samples.Member("n\($0).txt", Array("text \($0)".utf8)) } + [.init("last.exe", Samples.program)]
        let message = NameWalkTests.message("x", Samples.archive(members, format: format))
        let first = walk(message)
        #expect(first.parts.last == NamedPart(path: ["x", "last.exe"], kind: .windowsProgram))
        #expect(first.parts.count == 12_003 && first.finding.limits.isEmpty)
        #expect(walk(message) == first)
    }

    @Test func sameArchiveTwice() {
        let zip = Samples.archive([.init("a.exe", Samples.program)])
        let message = NameWalkTests.multipart([NameWalkTests.attachment("a.zip", zip), NameWalkTests.attachment("a.zip", zip)])
        #expect(walk(message).titles == ["multipart/mixed", "a.zip", "a.zip › a.exe", "a.zip", "a.zip › a.exe"])
    }

    @Test func noTime() {
        let message = NameWalkTests.message("x.zip", Samples.archive([.init("a.exe", Samples.program)]))
        #expect(walk(message, Limits(seconds: 0)).finding.limits == ["time"])
        // Within the library too.
        let zip = Samples.archive([.init("a.exe", Samples.program)])
        zip.withUnsafeBytes { bytes in
            let reader = ArchiveReader(bytes, .zip, Clock(seconds: 0))
            #expect(reader == nil || reader?.next() == .broken && reader?.isLate == true)
        }
    }

    /// Data that expands to much between two members, which libarchive passes over by itself.
    @Test func slowSkip() {
        let zeros = [UInt8](repeating: 0, count: 16 << 20)
        let bytes = Samples.archive([.init("a.dat", zeros), .init("b.dat", zeros), .init("c.exe", Samples.program)], format: "7zip")
        #expect(timed(.seconds(10)) { walk(file: bytes, "x.7z") }.names.last == "c.exe")
        let few = timed(.seconds(5)) { walk(file: bytes, "x.7z", Limits(expanded: 2 << 20)) }
        #expect(few.finding.limits == ["size"] && few.names == ["x.7z", "a.dat", "b.dat", "c.exe"] && few.parts[3].kind == nil)
    }
}
