import Archives
import Dispatch
import Filter
import MailTesting
import Testing

@testable import Scanner

/// What can't be unpacked for a scan is said; `Wrapping.closed` and `odd` are what can.
struct SecondLookTests {
    private static let folder = Result { try TemporaryFolder() }

    private func scan(_ message: [UInt8], _ limits: ScanLimits = ScanLimits()) throws -> Inspection {
        let engine = try Engine.load(nil, ScanSettings(limits: limits, temporaryDirectory: Self.folder.get().path))
        return engine.inspect(message)
    }

    private let test = EmbeddedSignature.testFile

    @Test func `members under a password are encrypted`() throws {
        let alerts = try scan(Letter.attached(ArchiveBytes.rar4("a.com", test, encrypted: true), name: "a.rar"))
        #expect(alerts.viruses == [] && alerts.encrypted == ["a.rar"] && alerts.unopened == [])
    }

    @Test func `members that can't be unpacked leave the archive unopened`() throws {
        let packed = ArchiveBytes.rar4("a.com", Array("no such stream".utf8), method: 0x33)
        let cutOff = Array(ArchiveBytes.rar5("a.com", test).dropLast(40))
        for bytes in [packed, cutOff, Array("Rar!\u{1a}\u{7}\0".utf8) + [9, 9, 9, 9, 9, 9, 9, 9]] {
            let alerts = try scan(Letter.attached(bytes, name: "a.rar"))
            #expect(alerts.viruses == [] && alerts.unopened == ["a.rar"], "\(alerts)")
            let nested = try scan(Letter.attached(ArchiveBytes.zip([("a.rar", bytes)]), name: "a.zip"))
            #expect(nested.unopened == ["a.zip › a.rar"], "\(nested)")
        }
        let cut = Array(ArchiveBytes.tnef([("a.txt", [0x41]), ("a.com", test)]).dropLast(10))
        #expect(try scan(Letter.attached(cut, name: "winmail.dat")).unopened == ["winmail.dat"])
    }

    @Test(arguments: [1, 98, 11, 96, 97, 19]) func `zip members packed in a way that nobody here reads leave it unopened`(_ method: Int)
        throws
    {
        let bytes = ArchiveBytes.zip("a.com", test, method: method, packed: Array("whatever it is, it is no file".utf8))
        let alerts = try scan(Letter.attached(bytes, name: "a.zip"))
        #expect(alerts.viruses == [] && alerts.unopened.first?.hasPrefix("a.zip") == true, "\(alerts)")
    }

    @Test func `limits hold`() throws {
        let member = ArchiveBytes.rar5("a.dat", [UInt8](repeating: 0x61, count: 300_000))
        let message = Letter.attached(member, name: "a.rar")
        #expect(try scan(message).limits == [])
        #expect(try scan(message, ScanLimits(totalSize: 200_000)).limits.contains("size"))
        // What the message's own size allows, but not the member's.
        let zeros = ArchiveBytes.zstdZeros(1 << 20)
        #expect(try scan(Letter.attached(zeros, name: "a.zst"), ScanLimits(fileSize: 1 << 19)).limits == ["size"])
        let nested = (0..<6).reduce(test) { ArchiveBytes.rar5("\($1).rar", $0) }
        #expect(try scan(Letter.attached(nested, name: "a.rar")).viruses == ["Eicar-Test-Signature"])
        let deep = try scan(Letter.attached(nested, name: "a.rar"), ScanLimits(depth: 3))
        #expect(deep.viruses == [] && deep.limits == ["depth"], "\(deep)")
    }

    @Test(arguments: [
        Wrapping("base64") { Letter.attached($0) },
        Wrapping("zip") { Letter.attached(ArchiveBytes.zip([("a.com", $0), ("b.txt", $0 + $0)]), name: "a.zip") },
        Wrapping("zip in zip") { Letter.attached(ArchiveBytes.zip([("b.zip", ArchiveBytes.zip([("a.com", $0)]))]), name: "a.zip") },
        Wrapping("packed zip") { Letter.attached(Samples.archive([.init("a.txt", $0)], format: "zip"), name: "a.zip") },
        Wrapping("7z") { Letter.attached(Samples.archive([.init("a.txt", $0)], format: "7zip"), name: "a.7z") },
        Wrapping("tgz") { Letter.attached(ArchiveBytes.gzip(ArchiveBytes.tar("a.txt", $0)), name: "a.tgz") },
        Wrapping("bz2") { Letter.attached(Samples.compressed($0, "bzip2"), name: "a.bz2") },
        Wrapping("xz") { Letter.attached(Samples.compressed($0, "xz"), name: "a.xz") },
        Wrapping("iso") { Letter.attached(Samples.archive([.init("a.txt", $0)], format: "iso9660"), name: "a.iso") },
        Wrapping("a forwarded message") { Letter.attached(Letter.attached($0), name: "a.eml", type: "message/rfc822") },
    ])
    func `what libclamav looked at is not scanned twice`(_ wrapping: Wrapping) throws {
        let engine = try Engine.load(nil, ScanSettings(temporaryDirectory: Self.folder.get().path))
        let message = wrapping.wrap(Array(String(repeating: "nothing that anybody knows\n", count: 500).utf8))
        try message.withUnsafeBytes {
            let look = SecondLook(engine, after: try engine.scan(message: $0, until: .distantFuture).get(), until: .distantFuture)
            var files = 0
            _ = NameWalk().walk($0) { file, isMessage in
                files += 1
                look.take(file, isMessage: isMessage)
            } visit: { _ in
            }
            #expect(files > 0 && look.scanned == 0, "\(files), \(look.scanned)")
        }
    }
}
