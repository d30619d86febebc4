import Archives
import Dispatch
import Filter
import FoundationEssentials
import MailTesting
import Testing

@testable import Scanner

/// What is made to keep a scanner busy, or to get by it: bounded time, a named verdict, the same one every time.
@Suite(.timeLimit(.minutes(2))) struct BadInputTests {
    let folder: TemporaryFolder
    let engine: Engine

    init() throws {
        folder = try TemporaryFolder()
        let limits = ScanLimits(fileSize: 4 << 20, totalSize: 16 << 20, depth: 10, files: 2_000, seconds: 20)
        engine = try Engine.load(nil, ScanSettings(limits: limits, temporaryDirectory: folder.path))
    }

    private func alerts(_ message: [UInt8]) throws -> Inspection {
        let start = ContinuousClock.now
        defer { #expect(ContinuousClock.now - start < .seconds(20)) }
        return engine.inspect(message)
    }

    @Test func `a bomb is a limit`() throws {
        #expect(try alerts(Letter.attached(Bomb.gzip(zeros: 1 << 20), name: "a.gz")).limits == [])
        #expect(try alerts(Letter.attached(Bomb.gzip(zeros: 64 << 20), name: "a.gz")).limits == ["size"])
        let many = ArchiveBytes.zip((0..<16).map { ("\($0).gz", Bomb.gzip(zeros: 3 << 20)) })
        #expect(try alerts(Letter.attached(many, name: "a.zip")).limits.contains("size"))
    }

    @Test func `an archive of 10,000 or 100,000 names is a limit`() throws {
        let names = ArchiveBytes.zip((0..<10_000).map { ("\($0)", Array("member \($0)".utf8)) })
        #expect(try alerts(Letter.attached(names, name: "a.zip")).limits.contains("files"))
        let more = ArchiveBytes.zip((0..<100_000).map { ("\($0)", []) })
        #expect(try alerts(Letter.attached(more, name: "a.zip")).limits.sorted() == ["files", "size"])
    }

    @Test func `messages 1,000 deep are a limit`() throws {
        var message = "Subject: innermost\r\n\r\nHello\r\n"
        for _ in 0..<1_000 { message = "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" + message }
        #expect(try alerts(Array((Letter.top + message).utf8)).limits.contains("depth"))
        var multiparts = Letter.base64(EmbeddedSignature.testFile)
        for index in 0..<200 {
            multiparts = "Content-Type: multipart/mixed; boundary=b\(index)\r\n\r\n--b\(index)\r\n" + multiparts + "\r\n--b\(index)--\r\n"
        }
        let found = try alerts(Array((Letter.top + "MIME-Version: 1.0\r\n" + multiparts).utf8))
        #expect(found.limits.contains("depth") || found.viruses == ["Eicar-Test-Signature"])
    }

    @Test func `parts for which there is no time left are a limit`() throws {
        let message = Letter.mixed((0..<100).map { "--=_b\r\nContent-Type: application/x\r\n\r\nPart \($0)\r\n" }.joined())
        #expect(engine.inspect(message, until: .now()).limits == ["time"])
    }

    @Test func `files with the same ends are two`() {
        var file = [UInt8](repeating: 65, count: 20_000)
        let one = file.withUnsafeBytes { Fingerprint($0) }
        #expect(file.withUnsafeBytes { Fingerprint($0) } == one)
        file[10_000] = 66
        #expect(file.withUnsafeBytes { Fingerprint($0) } != one)
    }

    @Test func `more header fields, parts or parameters than libclamav reads are a limit`() throws {
        let fields = (0..<2_000).map { "X-\($0): y\r\n" }.joined()
        let found = try alerts(Array(fields.utf8) + Letter.attached(EmbeddedSignature.testFile))
        #expect(found.limits.contains("files") || found.viruses == ["Eicar-Test-Signature"])
        let parts = (0..<3_000).map { "--=_b\r\nContent-Type: text/plain\r\n\r\nPart \($0)\r\n" }.joined()
        #expect(try alerts(Letter.mixed(parts)).limits.contains("files"))
    }

    @Test func `broken base64, bytes of every kind, an endless line`() throws {
        let noise = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        for message in [
            Letter.mixed("Content-Transfer-Encoding: base64\r\n\r\n====A=B=C\u{0}\u{1}====\r\n"),
            Letter.top.utf8 + [0x0d, 0x0a] + noise, Letter.top.utf8 + [0x0d, 0x0a] + [UInt8](repeating: 65, count: 3 << 20),
            [UInt8](repeating: 0x0a, count: 1 << 20),
        ] {
            let found = try alerts(message)
            #expect(found.virus == .clean && found.limits == [] && found.encrypted == [] && found.unopened == [], "\(found)")
        }
    }

    /// For a bounded time; BUZON_FUZZ_SECONDS makes it longer.
    @Test func `truncated and altered files never stop it`() throws {
        let seconds = ProcessInfo.processInfo.environment["BUZON_FUZZ_SECONDS"].flatMap { Double($0) } ?? 3
        let end = ContinuousClock.now + .seconds(seconds)
        let directory = "/usr/share/clamav-testfiles/"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let seeds =
            try names.map { [UInt8](try Data(contentsOf: URL(filePath: directory + $0))) }
            + Wrapping.all.prefix(60).map { $0.wrap(EmbeddedSignature.testFile) }
        var generator = SystemRandomNumberGenerator()
        var rounds = 0
        while ContinuousClock.now < end, var bytes = seeds.randomElement(using: &generator) {
            if bytes.count > 1, Bool.random() { bytes.removeLast(Int.random(in: 1..<bytes.count)) }
            for _ in 0..<Int.random(in: 0...8) where !bytes.isEmpty { bytes[Int.random(in: bytes.indices)] = .random(in: 0...255) }
            _ = try alerts(rounds % 3 == 0 ? bytes : Letter.attached(bytes))
            rounds += 1
        }
        #expect(rounds > 10)
        // What it unpacked is gone.
        #expect(folder.names == [])
    }

    @Test func `names of alerts may be anything`() {
        var generator = SystemRandomNumberGenerator()
        var alerts = Alerts()
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...300)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let prefix = ["", "Heuristics.", "Heuristics.Limits.Exceeded.", "Heuristics.Encrypted."].randomElement() ?? ""
            alerts.add(prefix + String(decoding: bytes, as: UTF8.self))
        }
        for name in alerts.viruses + alerts.encrypted { #expect(name.utf8.allSatisfy { 0x20..<0x7f ~= $0 } && name.utf8.count <= 200) }
        #expect(alerts.viruses.count <= Inspection.listed && alerts.encrypted.count <= Inspection.listed)
    }
}
