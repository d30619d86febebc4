import Filter
import MailTesting
import Testing

@testable import Archives

/// Members of zip archives that the directory doesn't have, packed or not.
@Suite struct ConcealedMemberTests {
    static let inner = Samples.archive([.init("run.vbs", Array("MsgBox 1\r\n".utf8))])

    static func zip(_ name: String, _ content: [UInt8], _ options: String = "zip:compression=deflate") -> [UInt8] {
        Samples.archive([.init(name, content)], options: options)
    }

    @Test(arguments: ["zip:compression=deflate", "zip:compression=store"]) func concatenated(_ options: String) {
        let plain = Self.zip("readme.txt", Array("Hello".utf8), options)
        let evil = Self.zip("inner.zip", Self.inner, options)
        for bytes in [evil + plain, plain + evil, plain + evil + plain, evil + evil + plain] {
            let walked = walk(file: bytes, "x.zip")
            #expect(walked.titles.contains("x.zip › inner.zip › run.vbs"))
            #expect(walked.kind("inner.zip") == "zip" && walked.finding.unopened.isEmpty)
        }
    }

    /// Two members of one name, of which the directory has one.
    @Test func sameName() {
        let plain = Self.zip("inner.zip", Self.zip("readme.txt", Array("Hello".utf8)))
        let evil = Self.zip("inner.zip", Self.inner)
        for bytes in [evil + plain, plain + evil] {
            #expect(walk(file: bytes, "x.zip").titles.contains("x.zip › inner.zip › run.vbs"))
        }
    }

    /// The directory has another name, or its header no size.
    @Test func lyingDirectory() {
        var bytes = Self.zip("inner.zip", Self.inner)
        guard let central = (0..<bytes.count - 4).first(where: { Array(bytes[$0..<$0 + 4]) == [0x50, 0x4B, 1, 2] }) else {
            Issue.record("no directory")
            return
        }
        bytes.replaceSubrange(central + 46..<central + 55, with: Array("other.txt".utf8))
        let walked = walk(file: bytes, "x.zip")
        #expect(walked.names.contains("other.txt") && walked.titles.contains("x.zip › inner.zip › run.vbs"))
    }

    /// Packed in a way that nobody here knows.
    @Test func unknownMethod() {
        var evil = Self.zip("inner.zip", Self.inner)
        evil.replaceSubrange(8..<10, with: [97, 0])
        let walked = walk(file: evil + Self.zip("readme.txt", Array("Hello".utf8)), "x.zip")
        #expect(walked.finding.unopened == ["x.zip › inner.zip"] && walked.names.contains("inner.zip"))
    }

    /// An archive as it should be is read once.
    @Test func whole() {
        let bytes = Samples.archive(ArchiveFormatTests.members + [.init("inner.zip", Self.inner)])
        let walked = walk(file: bytes, "x.zip")
        #expect(walked.titles.count == 3 + ArchiveFormatTests.members.count && walked.finding == walk(file: bytes, "x.zip").finding)
        #expect(Set(walked.titles).count == walked.titles.count)
    }

    /// What is concealed may be locked, or a directory; and a list of members that is missing is missed.
    @Test func otherMembers() throws {
        let plain = Self.zip("readme.txt", Array("Hello".utf8))
        let locked = Samples.archive([.init("a.exe", Samples.program)], password: "x")
        let folder = Samples.archive([.init("dir/")])
        for bytes in [locked + plain, plain + locked] { #expect(walk(file: bytes, "x.zip").finding.encrypted == ["x.zip"]) }
        for bytes in [folder + plain, plain + folder] {
            #expect(walk(file: bytes, "x.zip").parts.contains { $0.name == "dir/" && $0.kind == .directory })
        }
        let central = try #require((0..<plain.count - 4).first { Array(plain[$0..<$0 + 4]) == [0x50, 0x4B, 1, 2] })
        let cut = walk(file: Array(plain.prefix(central)), "x.zip")
        #expect(cut.names == ["x.zip", "readme.txt"] && cut.finding.unopened == ["x.zip"])
    }

    /// An archive whose bytes are damaged is not opened, however it is found.
    @Test func damaged() {
        var random = ArchiveFuzzTests.Numbers(state: 7)
        let inner = Samples.archive([.init("a.dat", (0..<20_000).map { _ in UInt8(random.below(64)) })], options: "zip:compression=store")
        var bytes = Self.zip("inner.zip", inner)
        for place in 200..<260 { bytes[place] ^= 0x55 }
        #expect(walk(file: bytes, "x.zip").finding.unopened.contains("x.zip › inner.zip"))
    }

    /// What one holds within another counts together; what is done with is given back.
    @Test func memory() {
        var random = ArchiveFuzzTests.Numbers(state: 7)
        let noise = (0..<1 << 20).map { _ in UInt8(random.below(256)) }
        let small = Samples.archive([.init("a.dat", noise)], options: "zip:compression=store")
        var nested = small
        for level in 0..<5 { nested = Samples.archive([.init("\(level).zip", nested)], options: "zip:compression=store") }
        let limits = NameWalk.Limits(held: 3 << 20)
        #expect(walk(file: nested, "x.zip", limits).finding.limits == ["size"])
        let beside = Samples.archive((0..<10).map { .init("\($0).zip", small) }, options: "zip:compression=store")
        #expect(walk(file: beside, "x.zip", limits).finding.limits.isEmpty)
    }
}
