import Archives
import Dispatch
import Filter
import FoundationEssentials
import Glibc
import Testing

@testable import Scanner

/// Figures for whoever asks: BUZON_MEASURE=1 swift test -c release --filter ScannerMeasurements.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["BUZON_MEASURE"] != nil), .serialized)
struct ScannerMeasurements {
    private static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    private static let subjects: [(String, @Sendable (Int) -> [UInt8])] = [
        (
            "4 KiB text",
            { index in
                Array(
                    (Letter.top + "\r\n"
                        + (0..<60).map { "Line \($0) of message \(index): nothing but words, as they are said every day.\r\n" }.joined())
                        .utf8)
            }
        ),
        (
            "4 KiB text, signed first",
            { index in
                Array(
                    ("DKIM-Signature: v=1\r\n" + Letter.top + "\r\n"
                        + (0..<60).map { "Line \($0) of message \(index): nothing but words, as they are said every day.\r\n" }.joined())
                        .utf8)
            }
        ),
        ("100 KiB attachment", { _ in Letter.attached(random(100 << 10)) }),
        ("zip of 10 files", { _ in Letter.attached(ArchiveBytes.zip((0..<10).map { ("\($0).txt", random(4_000)) })) }),
    ]

    /// Processor time of this process, which other processes on the machine disturb less than the clock.
    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    @Test func `overhead over libclamav alone`() async throws {
        let folder = try TemporaryFolder()
        let settings = ScanSettings(temporaryDirectory: folder.path)
        let engine = try Engine.load(nil, settings)
        let work = try WorkTable(path: folder.path + "/work")
        let signatures = Signatures(.init(source: nil, settings: settings), matcher: { _ in { _ in nil } }, log: { _ in })
        signatures.setEnabled(true)
        await signatures.settle()
        let inspector = ScannerInspector(signatures, work: work, onStuck: {})
        for (name, make) in Self.subjects {
            let count = 1_000
            for order in [InspectionOrder(virus: true), InspectionOrder(virus: true, bannedNames: ["exe"])] {
                let messages = (0..<count).map { MemoryContent(make($0)) }
                var batches: [(bare: Double, ours: Double)] = []
                var processor = (bare: 0.0, ours: 0.0)
                // In turns, so that both meet the same moments of the machine.
                for start in stride(from: 0, to: count, by: 20) {
                    let slice = messages[start..<start + 20]
                    var mark = (DispatchTime.now().uptimeNanoseconds, Self.now)
                    for message in slice { _ = try message.withBytes { MailFraming.framed($0) { try? engine.run($0).get() } } }
                    let bare = Double(DispatchTime.now().uptimeNanoseconds - mark.0)
                    processor.bare += Double(Self.now - mark.1)
                    mark = (DispatchTime.now().uptimeNanoseconds, Self.now)
                    for message in slice { _ = await inspector.inspect(message, order) }
                    batches.append((bare, Double(DispatchTime.now().uptimeNanoseconds - mark.0)))
                    processor.ours += Double(Self.now - mark.1)
                }
                let bare = batches.map(\.bare).sorted()[batches.count / 2] / 20_000
                let ours = batches.map(\.ours).sorted()[batches.count / 2] / 20_000
                print(
                    "\(name)\(order.bannedNames.isEmpty ? "" : ", names too"): median bare \(Int(bare)) us, inspected \(Int(ours)) us: "
                        + "\(Int((ours / bare - 1) * 100)) %; processor \(Int(processor.bare / Double(count) / 1_000)) us, "
                        + "\(Int(processor.ours / Double(count) / 1_000)) us: \(Int((processor.ours / processor.bare - 1) * 100)) %")
            }
        }
    }

    @Test func `memory over 1,000 scans`() async throws {
        let folder = try TemporaryFolder()
        let engine = try Engine.load(nil, ScanSettings(temporaryDirectory: folder.path))
        let gauge = MemoryGauge.system
        let subjects = Self.subjects.map { $0.1(1) } + [Letter.attached(EmbeddedSignature.testFile)]
        for round in 0..<6 {
            for index in 0..<1_000 { _ = engine.inspect(subjects[index % subjects.count]) }
            print("after \(round + 1),000 scans: \(gauge.resident() >> 10) KiB")
        }
    }

    @Test func `memory that an engine leaves behind`() async throws {
        let folder = try TemporaryFolder()
        let databases = try TemporaryFolder()
        let lines = (0..<200_000).map { _ in
            (0..<32).map { _ in "0123456789abcdef".randomElement() ?? "0" } + ":\(Int.random(in: 1...9_999)):Test.X\n"
        }
        try databases.write("many.hdb", lines.map { String($0) }.joined())
        let gauge = MemoryGauge.system
        let configuration = Signatures.Configuration(
            source: SignatureSource(directory: databases.path), settings: ScanSettings(temporaryDirectory: folder.path))
        let signatures = Signatures(configuration, matcher: { _ in { _ in nil } }, log: { _ in })
        await signatures.settle()
        for _ in 0..<3 {
            let before = gauge.resident()
            signatures.setEnabled(true)
            await signatures.settle()
            let with = gauge.resident()
            signatures.setEnabled(false)
            await signatures.settle()
            print("without \(before >> 10) KiB, \(signatures.status.phase) with \(with >> 10) KiB, without \(gauge.resident() >> 10) KiB")
        }
    }
}
