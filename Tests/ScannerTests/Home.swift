import FoundationEssentials
import Glibc
import Testing

@testable import Scanner

/// Where engines run: what holds for one place holds for the other.
enum Home: Sendable, CaseIterable {
    case local, isolated

    /// Without a built executable, what needs a process of its own is left out.
    static let all: [Home] = access(executable, X_OK) == 0 ? allCases : [.local]

    /// What the build put beside this test bundle.
    static let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path + "/buzon"

    var lanes: Int? { self == .isolated ? 2 : nil }

    func loader(log: Log = Log(), onStart: @escaping @Sendable (RemoteEngine) -> Void = { _ in }) -> Signatures.Loader {
        Signatures.loader(Self.executable, { _ in { _ in nil } }, { log.add($0) }, onStart: onStart)
    }
}
