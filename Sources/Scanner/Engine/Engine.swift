import CClamAV
import Glibc

/// Signatures, loaded and compiled. Freed when the last scan with it ends.
///
/// Unchecked: libclamav allows scans on many threads over one compiled engine that nobody changes any more.
package final class Engine: @unchecked Sendable {
    private let owner: EnginePointer
    package let settings: ScanSettings
    package let version: SignatureVersion
    /// How many signatures, those embedded included.
    package let count: Int
    /// Why it is not all that was asked for.
    package let failures: [EngineFailure]

    private init(_ draft: Draft, _ settings: ScanSettings, _ version: SignatureVersion, _ failures: [EngineFailure]) {
        owner = draft.owner
        count = Int(draft.count)
        self.settings = settings
        self.version = version
        self.failures = failures
    }

    var pointer: OpaquePointer { owner.pointer }

    static let isLibraryReady: Bool = {
        LibraryLog.install()
        return cl_init(UInt32(CL_INIT_DEFAULT)) == CL_SUCCESS
    }()

    /// Loads what `source` holds, seconds of work for the whole of ClamAV's databases. A database that is damaged is left out, and
    /// whatever is missing is told by `failures`; without any, the embedded signature remains.
    package static func load(
        _ source: SignatureSource?, _ settings: ScanSettings, embedded: Bool = true
    ) throws(EngineFailure) -> Engine {
        guard isLibraryReady else { throw EngineFailure(reason: .library, path: "", detail: "cl_init") }
        let version = source?.version()
        guard let source else { return try compile([], settings, .embedded, embedded: embedded, []) }
        let names: [String]
        do throws(EngineFailure) {
            names = try source.databases()
        } catch {
            return try compile([], settings, .embedded, embedded: embedded, [error])
        }
        guard let version, !names.isEmpty else {
            let failure = EngineFailure(reason: .empty, path: source.directory, detail: "")
            return try compile([], settings, .embedded, embedded: embedded, [failure])
        }
        do throws(EngineFailure) {
            return try compile([source.directory], settings, version, embedded: embedded, [])
        } catch {
            guard error.reason == .damaged || error.reason == .unreadable else { throw error }
        }
        // A database can't be taken out of an engine again: each is tried in one that is thrown away.
        var sound: [String] = []
        var failures: [EngineFailure] = []
        for path in names.map({ source.directory + "/" + $0 }) {
            do throws(EngineFailure) {
                var draft = try Draft(settings)
                try draft.add(path)
                sound.append(path)
            } catch {
                if failures.count < 10 { failures.append(error) }
            }
        }
        return try compile(sound, settings, version, embedded: embedded, failures)
    }

    private static func compile(
        _ paths: [String], _ settings: ScanSettings, _ version: SignatureVersion, embedded: Bool, _ failures: [EngineFailure]
    ) throws(EngineFailure) -> Engine {
        var draft = try Draft(settings)
        if embedded { try draft.addEmbedded() }
        for path in paths { try draft.add(path) }
        try draft.compile()
        return Engine(draft, settings, version, failures)
    }
}
