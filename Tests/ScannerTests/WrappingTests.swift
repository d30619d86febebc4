import Dispatch
import Filter
import FoundationEssentials
import Testing

@testable import Scanner

/// Whether what is known is found wherever a message may hide it. The file's hash is the only signature, so a wrapping counts only
/// when the very file comes out of it.
struct WrappingTests {
    /// Engines are shared: loading one takes longer than a scan.
    private static let folder = Result { try TemporaryFolder() }
    private static let eicar = Result { try engine("44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test-File\n") }
    private static let clam = Result { try engine("aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n") }

    private static func engine(_ signature: String) throws -> Engine {
        let signatures = try TemporaryFolder()
        try signatures.write("only.hdb", signature)
        return try Engine.load(
            SignatureSource(directory: signatures.path), ScanSettings(temporaryDirectory: folder.get().path), embedded: false)
    }

    private func viruses(_ engine: Engine, _ message: [UInt8]) -> [String] {
        let inspection = engine.inspect(message)
        return inspection.viruses + inspection.limits
    }

    @Test(arguments: Wrapping.all)
    func `the test file is found in`(_ wrapping: Wrapping) throws {
        let found = viruses(try Self.eicar.get(), wrapping.wrap(EmbeddedSignature.testFile))
        #expect(found.first?.hasPrefix("Eicar-Test-File") == true, "\(found)")
        // And nothing is found in what is not it.
        let other = wrapping.wrap(Array("nothing that anybody knows, a little longer".utf8))
        #expect(try Self.eicar.get().inspect(other).virus == .clean)
    }

    /// In the scanner's own process, beside which the embedded signature is always loaded.
    private static let isolated = Result {
        let signatures = try TemporaryFolder()
        try signatures.write("only.hdb", "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n")
        let settings = ScanSettings(temporaryDirectory: try folder.get().path)
        return try Home.isolated.loader()(
            .init(source: SignatureSource(directory: signatures.path), settings: settings, lanes: 2), true)
    }

    private func isolatedViruses(_ message: [UInt8]) throws -> [String] {
        let content = MemoryContent(message)
        let examination = try Self.isolated.get().examine(content, InspectionOrder(virus: true), until: .now() + .seconds(30))
        guard case .done(let inspection) = examination, case .infected(let names) = inspection.virus else { return ["\(examination)"] }
        return names
    }

    private static let isIsolationBuilt = Home.all.contains(.isolated)

    @Test(.enabled(if: isIsolationBuilt, "no built executable"), arguments: Wrapping.all)
    func `the test file is found by the scanner's own process in`(_ wrapping: Wrapping) throws {
        #expect(try isolatedViruses(wrapping.wrap(EmbeddedSignature.testFile)) == ["Eicar-Test-Signature"])
    }

    @Test(.enabled(if: isIsolationBuilt, "no built executable"), arguments: testFiles)
    func `Debian's test file is found by the scanner's own process`(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: "/usr/share/clamav-testfiles/" + name)))
        #expect(try isolatedViruses(Letter.attached(bytes, name: name)) == ["ClamAV-Test-File"])
    }

    static let testFiles: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: "/usr/share/clamav-testfiles")
        return (names ?? []).sorted()
    }()

    @Test func `all of Debian's test files are there`() {
        #expect(Self.testFiles.count == 44)
    }

    @Test(arguments: testFiles)
    func `Debian's test file is found`(_ name: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: "/usr/share/clamav-testfiles/" + name)))
        let found = viruses(try Self.clam.get(), Letter.attached(bytes, name: name))
        #expect(found.first?.hasPrefix("ClamAV-Test-File") == true, "\(found)")
    }
}
