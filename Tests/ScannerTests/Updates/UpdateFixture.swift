import Foundation
import Testing

@testable import Scanner

/// All that runs libfreshclam, one after the other: it is one for the whole process. Every mirror is on loopback and a private one, so
/// nothing is asked of the DNS.
@Suite(.serialized) struct FreshclamTests {}

/// A directory for signatures, and settings that lead to loopback.
final class UpdateFixture: Sendable {
    let parent: URL
    let directory: SignatureDirectory
    static let hdb = Array("44d88612fea8a8f36de82e1278abb02f:68:Test.One\naf1a4d3a1d0d4e5b6c7d8e9f00112233:1234:Test.Two\n".utf8)

    init() throws {
        // Nothing of the environment leads elsewhere.
        for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] { unsetenv(name) }
        parent = FileManager.default.temporaryDirectory.appendingPathComponent("updates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        directory = SignatureDirectory(path: parent.appendingPathComponent("signatures").path)
    }

    deinit { try? FileManager.default.removeItem(at: parent) }

    static func settings(mirror: String = "", urls: [String] = [], proxy: String = "", checks: Int = 12) -> UpdateSettings {
        UpdateSettings(
            directory: "own", mirror: mirror, isPrivateMirror: true, urls: urls.joined(separator: ", "), proxy: proxy, checksADay: checks)
    }

    /// One attempt, short times.
    static var limits: SignatureUpdate.Limits {
        var limits = SignatureUpdate.Limits()
        limits.connectSeconds = 2
        limits.silentSeconds = 2
        limits.attempts = 1
        limits.time = .seconds(30)
        limits.bytes = 8 << 20
        limits.grace = .seconds(10)
        return limits
    }

    func update(_ settings: UpdateSettings, _ limits: SignatureUpdate.Limits = UpdateFixture.limits) async throws -> UpdateReport {
        try await SignatureUpdate(directory: directory, settings: settings, limits: limits).run(settings.sources)
    }

    /// Waits, ten seconds at most, until a run that was given up has ended too.
    func settle() async throws {
        for _ in 0..<100 {
            do {
                _ = try await update(Self.settings())
                return
            } catch let failure as UpdateFailure where failure.kind == .busy || failure.kind == .stuck {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// Those of the databases' folder that libclamav would load.
    var databases: [String] { ((try? directory.databases()) ?? []).map(\.file) }

    func bytes(_ file: String) -> [UInt8]? { FileManager.default.contents(atPath: directory.path + "/" + file).map { [UInt8]($0) } }

    var state: UpdateState { UpdateState(directory: directory.path) }
}

extension UpdateReport {
    var kinds: [UpdateFailure.Kind] { failures.map(\.kind) }
}
