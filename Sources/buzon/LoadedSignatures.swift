import Flow
import Scanner

/// What the running server's engine knows viruses by, for `DIR/control`.
struct LoadedSignatures: Codable, Sendable, Equatable {
    /// A key of the texts with what to put into it.
    struct Failure: Codable, Sendable, Equatable {
        var key: String
        var path: String
        var detail: String

        /// In a line.
        var words: String { text.words(key, [("path", path.printable), ("detail", detail.printable)]) }
    }

    /// `off`, `loading`, `ready`
    var phase: String
    var version: String
    /// The embedded ones included.
    var count: Int
    /// Only the test file is known.
    var knowsOnlyTest: Bool
    /// What was left out, and why.
    var failures: [Failure]

    /// Failures that are told, and characters of each of their words: a control reply is bounded.
    private static let told = 10
    private static let length = 500

    init(_ status: Signatures.Status) {
        phase = status.phase.rawValue
        version = status.version.prefix(scalars: Self.length)
        count = status.count
        knowsOnlyTest = status.knowsOnlyTest
        failures = status.failures.prefix(Self.told).map {
            Failure(key: $0.key, path: $0.path.prefix(scalars: Self.length), detail: $0.detail.prefix(scalars: Self.length))
        }
    }

    /// In a line.
    var summary: String {
        if isReady {
            return knowsOnlyTest
                ? text("signatures.loaded.test") : text.words("signatures.loaded", [("count", "\(count)"), ("version", version.printable)])
        }
        return text(isOff ? "signatures.loaded.off" : "signatures.loaded.loading")
    }

    var isReady: Bool { phase == Signatures.Status.Phase.ready.rawValue }
    var isOff: Bool { phase == Signatures.Status.Phase.off.rawValue }

    /// Beyond a folder that has nothing in it yet, which is no failure of its own.
    var troubles: [Failure] {
        let empty: [EngineFailure.Reason] = [.missing, .empty]
        return failures.filter { failure in !empty.contains { $0.rawValue == failure.key } }
    }
}
