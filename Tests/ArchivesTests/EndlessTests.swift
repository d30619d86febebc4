import Filter
import Glibc
import MailTesting
import Testing

@testable import Archives

/// What has no end, or none that anybody would wait for: a limit says so, soon.
@Suite(.serialized) struct EndlessTests {
    private func timed(_ limit: Duration, _ what: String, _ body: () -> Walked) -> Walked {
        let start = ContinuousClock.now
        let walked = body()
        let took = ContinuousClock.now - start
        #expect(took < limit, "\(what) took \(took)")
        Figures.tell(
            "\(what): \(took), names \(walked.finding.names), limits \(walked.finding.limits), unopened \(walked.finding.unopened)")
        return walked
    }

    // MARK: Quines

    private func unpacked(_ bytes: [UInt8], _ form: ArchiveReader.Form) throws -> [UInt8] {
        try bytes.withUnsafeBytes { bytes in
            let reader = try #require(ArchiveReader(bytes, form, Clock(seconds: 10)))
            try #require(reader.next() == .member)
            return try [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                while count < buffer.count {
                    let read = try #require(
                        reader.read(into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])))
                    if read == 0 { break }
                    count += read
                }
            }
        }
    }

    @Test func quines() throws {
        for (name, made, form) in [("r.gz", Quine.gzip(), ArchiveReader.Form.gzip), ("r.zip", Quine.zip(), .zip)] {
            let bytes = try #require(made)
            // It is one.
            #expect(try unpacked(bytes, form) == bytes)
            for named in [name, "x", "x.jpg"] {
                let walked = timed(.seconds(2), "quine \(name)") { walk(file: bytes, named) }
                #expect(walked.finding.limits == ["depth"] && walked.finding.unopened.isEmpty)
                #expect(walked.parts.allSatisfy { $0.kind?.rawValue == String(name.dropFirst(2)) })
                #expect(Set(walked.parts.map(\.path.count)).max() == NameWalk.Limits().depth + 1)
            }
            #expect(walk(file: bytes, name, NameWalk.Limits(depth: 3)).finding.limits == ["depth"])
            let twice = walk(NameWalkTests.multipart([NameWalkTests.attachment("a", bytes), NameWalkTests.attachment("b", bytes)]))
            #expect(twice.finding.limits == ["depth"] && twice.names.contains("b"))
        }
    }

    // MARK: Bombs

    /// All members are one another's data; those that are called archives are unpacked, up to what all of them may be.
    @Test(arguments: [".zip", ".dat"]) func overlapping(_ suffix: String) {
        let bytes = Bomb.overlapping(members: 500, kernel: 4 << 20, suffix: suffix)
        let walked = timed(.seconds(20), "500 members\(suffix) of 4 MiB in \(bytes.count) bytes") { walk(file: bytes, "x.zip") }
        // By their beginning they are archives, whatever they are called.
        #expect(walked.finding.limits == ["size"])
        #expect(walked.finding.names >= 501)
    }

    @Test(arguments: ["gzip", "bzip2", "xz", "zstd"]) func fourGigabytes(_ filter: String) throws {
        let bytes: [UInt8]
        switch filter {
        case "gzip": bytes = Bomb.gzip(zeros: 4 << 30)
        case "zstd": bytes = Bomb.zstd(zeros: 4 << 30)
        default:
            // One stream behind the other.
            let stream = Samples.compressed([UInt8](repeating: 0, count: 32 << 20), filter)
            bytes = (0..<128).flatMap { _ in stream }
        }
        // Nobody wants to look into it: its beginning says what it is.
        let plain = timed(.seconds(2), "4 GiB of zeros by \(filter) in \(bytes.count) bytes") { walk(file: bytes, "a.dat." + filter) }
        #expect(plain.parts.map(\.kind?.rawValue).last == "dat" && plain.finding.limits.isEmpty)
        #expect(plain.finding.names == 2)
        let asked = timed(.seconds(10), "the same, called an image") { walk(file: bytes, "a.iso." + (filter == "gzip" ? "gz" : "bz2")) }
        #expect(asked.finding.limits == ["size"] && asked.names.last == "a.iso")
    }

    /// Sizes that no file has.
    @Test(arguments: [
        Array("77777777777".utf8), [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 0xFF, count: 7), [UInt8](repeating: 0xFF, count: 12),
        [0x80] + [UInt8](repeating: 0xFF, count: 11), Array("-0000000001".utf8), Array("99999999999".utf8),
    ]) func tarSizes(_ size: [UInt8]) {
        for name in ["a.zip", "a.dat"] {
            for bytes in [Bomb.tar(name, size: size), Bomb.tar(name, size: size) + Bomb.tar("b.exe", size: Array("00000000000".utf8))] {
                let walked = timed(.seconds(2), "tar \(size)") { walk(file: bytes, "x.tar") }
                // Its member's name at least, and that something is amiss; what claims no size that can be read has members behind it.
                #expect(walked.names.prefix(2) == ["x.tar", name] || walked.finding.unopened == ["x.tar"], "\(walked)")
                #expect(!walked.finding.unopened.isEmpty || walked.names.last == "b.exe", "\(walked)")
            }
        }
    }

    /// Sixteen bits hold no more than 65,535.
    @Test(arguments: [65_535, 65_537]) func manyMembers(_ count: Int) {
        let bytes = Samples.archive((0..<count).map { .init("n\($0).txt", []) }, format: "zip")
        let walked = timed(.seconds(10), "\(count) members") { walk(file: bytes, "x.zip", NameWalk.Limits(names: 100_000)) }
        #expect(walked.finding.names == count + 1 && walked.finding.limits.isEmpty && walked.names.last == "n\(count - 1).txt")
        #expect(walk(file: bytes, "x.zip").finding.limits == ["files"])
    }

    // MARK: Messages

    @Test func multiparts() {
        let walked = timed(.seconds(5), "10,000 multiparts in one another") { walk(Bomb.multiparts(deep: 10_000)) }
        #expect(walked.finding.limits == ["depth"] && walked.finding.names <= 20_000, "\(walked.finding)")
        // As deep as is taken apart.
        #expect(walk(Bomb.multiparts(deep: 50)).names.last == "a.exe")
        #expect(walk(Bomb.multiparts(deep: 50)).finding.limits.isEmpty)
    }

    @Test func parts() {
        let walked = timed(.seconds(10), "100,000 parts") { walk(Bomb.parts(100_000)) }
        #expect(walked.finding.limits == ["files"] && walked.names.contains("9000.txt"))
        #expect(walk(Bomb.parts(9_000)).finding.limits.isEmpty)
    }

    /// A message in a message in …, as an attachment and by its type.
    @Test(arguments: ["message/rfc822", "application/octet-stream; name=a.eml"]) func messages(_ type: String) {
        var message = "Subject: innermost\r\n\r\nHello\r\n"
        for _ in 0..<1_000 { message = "Subject: x\r\nContent-Type: \(type)\r\n\r\n" + message }
        let walked = timed(.seconds(5), "1,000 messages in one another as \(type)") { walk(message) }
        #expect(walked.finding.limits == ["depth"])
    }
}

/// For whoever asks: BUZON_MEASURE=1.
enum Figures {
    private static let isAsked = getenv("BUZON_MEASURE") != nil

    static func tell(_ line: @autoclosure () -> String) { if isAsked { print(line()) } }
}
