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

    /// What calls itself something else, and is a file to whoever unpacks it: found, or at least not passed over.
    private static let disguised: [Wrapping] =
        [0o020644, 0o010644, 0o060644, 0o140644, 0o040755, 0o120644, 0].flatMap { mode in
            let octal = String(mode, radix: 8)
            return [
                Wrapping("rar 4, mode \(octal)") { Letter.attached(ArchiveBytes.rar4("a.txt", $0, attributes: mode), name: "a.rar") },
                Wrapping("rar 5, mode \(octal)") { Letter.attached(ArchiveBytes.rar5("a.txt", $0, attributes: mode), name: "a.rar") },
                Wrapping("zip with LZMA, mode \(octal)") { Letter.attached(ArchiveBytes.zipLZMA("a.txt", $0, mode: mode), name: "a.zip") },
                Wrapping("ar, mode \(octal)") { Letter.attached(ArchiveBytes.ar("a.txt", $0, mode: octal), name: "a.a") },
            ]
        } + [
            Wrapping("rar 4, a folder of Windows") {
                Letter.attached(ArchiveBytes.rar4("a.txt", $0, attributes: 0x10, system: 2), name: "a.rar")
            },
            Wrapping("rar 5, a folder of Windows") {
                Letter.attached(ArchiveBytes.rar5("a.txt", $0, attributes: 0x10, system: 0), name: "a.rar")
            },
            Wrapping("zip with LZMA, named as a folder") { Letter.attached(ArchiveBytes.zipLZMA("a.txt/", $0), name: "a.zip") },
            Wrapping("rar 4 behind a device that can't be unpacked") {
                let device = ArchiveBytes.rar4("x", Array("no such stream".utf8), method: 0x33, attributes: 0o020644)
                return Letter.attached(device.dropLast(7) + ArchiveBytes.rar4("a.com", $0).dropFirst(20), name: "a.rar")
            },
            Wrapping("zip behind tar") {
                let packed = Samples.archive([.init("a.com", $0)])
                return Letter.attached(ArchiveBytes.tar("b", Array("hello".utf8)) + packed, name: "a.zip")
            },
            Wrapping("zip with LZMA behind rar") {
                Letter.attached(ArchiveBytes.rar5("b", Array("hello".utf8)) + ArchiveBytes.zipLZMA("a.com", $0), name: "a.zip")
            },
            Wrapping("tar in an image's beginning") {
                let image = Samples.archive([.init("a.com", $0)], format: "iso9660")
                let tar = ArchiveBytes.tar("b", Array("hello".utf8))
                return Letter.attached(tar + image.dropFirst(tar.count), name: "a.iso")
            },
        ]

    @Test(arguments: disguised) func `nothing passes because it calls itself something else`(_ wrapping: Wrapping) throws {
        let found = try scan(wrapping.wrap(test))
        #expect(!found.viruses.isEmpty || !found.unopened.isEmpty || !found.encrypted.isEmpty, "\(found)")
    }

    /// An XZ file that asks for 4 GiB of dictionary: an alert that counts for nothing where heuristics are off.
    @Test func `alerts that don't count end no second look`() throws {
        var xz = Samples.compressed(Array("hello".utf8), "xz")
        xz[16] = 40
        xz.replaceSubrange(20..<24, with: ArchiveBytes.little(Int(ArchiveBytes.crc32(Array(xz[12..<20]))), 4))
        let parts = [xz, ArchiveBytes.rar4("a.com", test)].map {
            "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Letter.base64($0)
        }
        let message = Letter.mixed(parts.joined(separator: "\r\n--=_b\r\n"))
        let settings = ScanSettings(switches: ScanSwitches(heuristics: false), temporaryDirectory: try Self.folder.get().path)
        #expect(try Engine.load(nil, settings).inspect(message).viruses == ["Eicar-Test-Signature"])
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
            #expect(NameWalk().walk($0, for: look) { _ in }.names > 0)
            #expect(look.scanned == 0)
        }
    }
}
