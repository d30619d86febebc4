import Filter
import FoundationEssentials
import Testing

@testable import Scanner

struct EngineTests {
    let folder: TemporaryFolder
    let signatures: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        signatures = try TemporaryFolder()
    }

    private var settings: ScanSettings { ScanSettings(temporaryDirectory: folder.path) }

    @Test func `the embedded signature needs no directory and leaves no file`() throws {
        let engine = try Engine.load(nil, settings)
        #expect(engine.failures == [])
        #expect(engine.version == .embedded)
        #expect(engine.inspect(Letter.attached(EmbeddedSignature.testFile)).viruses == ["Eicar-Test-Signature"])
        #expect(engine.inspect(Letter.attached(Array("Hello".utf8))).viruses == [])
        #expect(folder.names == [])
    }

    @Test func `a directory that is missing, empty or damaged is told, and the embedded signature works`() throws {
        let infected = Letter.attached(EmbeddedSignature.testFile)
        let missing = try Engine.load(SignatureSource(directory: signatures.path + "/no"), settings)
        #expect(missing.failures.map(\.reason) == [.missing])
        #expect(missing.inspect(infected).viruses == ["Eicar-Test-Signature"])

        let empty = try Engine.load(SignatureSource(directory: signatures.path), settings)
        #expect(empty.failures.map(\.reason) == [.empty])
        #expect(empty.inspect(infected).viruses == ["Eicar-Test-Signature"])

        try signatures.write("daily.cvd", "ClamAV-VDB:garbage")
        try signatures.write("own.hdb", "not a signature\n")
        try signatures.write("good.ndb", "Our.Test:0:*:\("sesame opens".utf8.map { String($0, radix: 16) }.joined())\n")
        let damaged = try Engine.load(SignatureSource(directory: signatures.path), settings)
        #expect(damaged.failures.map { $0.path.split(separator: "/").last } == ["daily.cvd", "own.hdb"])
        #expect(damaged.inspect(infected).viruses == ["Eicar-Test-Signature"])
        #expect(damaged.inspect(Letter.attached(Array("sesame opens".utf8))).viruses.first?.hasPrefix("Our.Test") == true)
    }

    @Test func `the version changes whenever a database does`() throws {
        let source = SignatureSource(directory: signatures.path)
        #expect(source.version() == nil)
        try signatures.write("README", "no database")
        #expect(source.version() == nil)
        try signatures.write("a.hdb", "44d88612fea8a8f36de82e1278abb02f:68:A\n")
        let first = try #require(source.version())
        #expect(source.version() == first)
        try signatures.write("a.hdb", "44d88612fea8a8f36de82e1278abb02f:68:B\n")
        let second = try #require(source.version())
        #expect(second != first)
        try signatures.write("daily.cvd", "ClamAV-VDB:27 Nov 2026 10-00 +0000:27400:2000000:90:x:y:z:1")
        #expect(source.version()?.text.hasPrefix("daily 27400 #") == true)
    }

    @Test func `alerts are viruses, limits, or what is encrypted`() {
        var alerts = Alerts()
        for name in [
            "Heuristics.Limits.Exceeded.MaxRecursion", "Heuristics.Limits.Exceeded.MaxFileSize", "Heuristics.Limits.Exceeded.EmailHeaders",
            "Heuristics.Limits.Exceeded.MaxScanTime", "Heuristics.Limits.Exceeded.New", "Heuristics.Encrypted.Zip", "Win.A", "Win.A",
        ] { alerts.add(name) }
        #expect(alerts.viruses == ["Win.A"])
        #expect(alerts.limits == ["depth", "size", "files", "time"])
        #expect(alerts.encrypted == ["Zip"])
        for index in 0..<100 { alerts.add("Win.\(index)") }
        #expect(alerts.viruses.count == Inspection.listed)
    }

    @Test func `what is encrypted is named and the rest is scanned on`() throws {
        let engine = try Engine.load(nil, settings)
        let locked = ArchiveBytes.zip([("a.txt", Array("twelve bytes and more".utf8))], encrypted: true)
        let alone = engine.inspect(Letter.attached(locked, name: "a.zip"))
        #expect(alone.encrypted == ["a.zip"])
        #expect(alone.viruses == [])
        let both = ArchiveBytes.zip([("a.zip", locked), ("b.com", EmbeddedSignature.testFile)])
        let mixed = engine.inspect(Letter.attached(both, name: "a.zip"))
        #expect(mixed.encrypted == ["Zip"])  // libclamav's word: a message with a virus is not looked at any further.
        #expect(mixed.viruses == ["Eicar-Test-Signature"])
    }

    @Test func `limits are verdicts`() throws {
        var settings = settings
        settings.limits = ScanLimits(fileSize: 65_536, totalSize: 100_000, depth: 4, files: 50, seconds: 20)
        let engine = try Engine.load(nil, settings)
        func limits(_ bytes: [UInt8]) -> [String] { engine.inspect(bytes).limits }
        #expect(limits(Letter.attached([UInt8](repeating: 65, count: 70_000))) == ["size"])
        #expect(limits(Letter.attached(ArchiveBytes.zip((0..<200).map { ("\($0)", Array("number \($0)".utf8)) }))).contains("files"))
        let nest = (0..<9).reduce(EmbeddedSignature.testFile) { bytes, _ in ArchiveBytes.zip([("a.zip", bytes)]) }
        #expect(limits(Letter.attached(nest)).contains("depth"))
        #expect(limits(Letter.attached(Array("small".utf8))) == [])
    }
}

struct Unexpected: Error {}
