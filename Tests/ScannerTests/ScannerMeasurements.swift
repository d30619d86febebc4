import Archives
import Dispatch
import Filter
import FoundationEssentials
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
        ("4 KiB text", { index in
            Array((Letter.top + "\r\n" + (0..<60).map { "Line \($0) of message \(index): nothing but words, as they are said every day.\r\n" }.joined()).utf8)
        }),
        ("4 KiB text, signed first", { index in
            Array(("DKIM-Signature: v=1\r\n" + Letter.top + "\r\n" + (0..<60).map { "Line \($0) of message \(index): nothing but words, as they are said every day.\r\n" }.joined()).utf8)
        }),
        ("100 KiB attachment", { _ in Letter.attached(random(100 << 10)) }),
        ("zip of 10 files", { _ in Letter.attached(ArchiveBytes.zip((0..<10).map { ("\($0).txt", random(4_000)) })) }),
    ]

    @Test func `overhead over libclamav alone`() async throws {
        let folder = try TemporaryFolder()
        let settings = ScanSettings(temporaryDirectory: folder.path)
        let engine = try Engine.load(nil, settings)
        let signatures = Signatures(.init(source: nil, settings: settings), matcher: { _ in { _ in nil } }, log: { _ in })
        signatures.setEnabled(true)
        await signatures.settle()
        let work = try WorkTable(path: folder.path + "/../scanner-work-\(UUID().uuidString)")
        let inspector = ScannerInspector(signatures, work: work, onStuck: {})
        for (name, make) in Self.subjects {
            let count = 600
            let messages = (0..<count).map { MemoryContent(make($0)) }
            for orders in [InspectionOrder(virus: true), InspectionOrder(virus: true, bannedNames: ["exe"])] {
                var bare: UInt64 = 0
                var ours: UInt64 = 0
                // In turns, so that both meet the same moments of the machine.
                for start in stride(from: 0, to: count, by: 50) {
                    let slice = messages[start..<start + 50]
                    var mark = DispatchTime.now()
                    for message in slice { _ = try message.withBytes { MailFraming.framed($0) { try? engine.run($0).get() } } }
                    bare += DispatchTime.now().uptimeNanoseconds - mark.uptimeNanoseconds
                    mark = DispatchTime.now()
                    for message in slice { _ = await inspector.inspect(message, orders) }
                    ours += DispatchTime.now().uptimeNanoseconds - mark.uptimeNanoseconds
                }
                print(
                    "\(name)\(orders.bannedNames.isEmpty ? "" : ", names too"): bare \(bare / UInt64(count) / 1_000) us, "
                        + "inspected \(ours / UInt64(count) / 1_000) us, \((Double(ours) / Double(bare) - 1) * 100) %")
            }
        }
    }

    @Test func `memory over 1,000 scans`() async throws {
        let folder = try TemporaryFolder()
        let engine = try Engine.load(nil, ScanSettings(temporaryDirectory: folder.path))
        let gauge = MemoryGauge.system
        let subjects = Self.subjects.map { $0.1(1) } + [Letter.attached(EmbeddedSignature.testFile)]
        for round in 0..<6 {
            for index in 0..<1_000 { _ = subjects[index % subjects.count].withUnsafeBytes { engine.scan(message: $0) } }
            print("after \(round + 1),000 scans: \(gauge.resident() >> 10) KiB")
        }
    }
}
