import Filter
import Testing

@testable import Scanner

/// What can't be unpacked for a scan is said; `Wrapping.closed` is what can.
struct MemberLookTests {
    private static let folder = Result { try TemporaryFolder() }

    private func scan(_ message: [UInt8], _ limits: ScanLimits = ScanLimits()) throws -> Alerts {
        let engine = try Engine.load(nil, ScanSettings(limits: limits, temporaryDirectory: Self.folder.get().path))
        let outcome = message.withUnsafeBytes { engine.scan(message: $0) }
        guard case .scanned(let alerts) = outcome else {
            Issue.record("\(outcome)")
            return Alerts()
        }
        return alerts
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

    @Test func `files without such members are looked at once`() {
        for (bytes, isClosed) in [
            (ArchiveBytes.zip([("a", test)]), false), (Array("hello".utf8), false), (test, false), (ArchiveBytes.gzip(test), false),
            (ArchiveBytes.rar5("a", test), true), (ArchiveBytes.tnef([]), true), (ArchiveBytes.zstd(test), true),
            (Array("MZ\u{1}".utf8) + [UInt8](repeating: 0, count: 999), false),
            (Array("MZ\u{1}".utf8) + [UInt8](repeating: 0, count: 999) + ArchiveBytes.rar4("a", test), true),
        ] {
            #expect(bytes.withUnsafeBytes { MemberLook.isClosed($0) } == isClosed)
        }
    }
}
