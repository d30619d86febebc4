/// Why there is no engine, or not the whole of it: a key of the texts with what to put into it.
package struct EngineFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Reason: String, Sendable {
        case missing = "scan.signatures-missing"
        case unreadable = "scan.signatures-unreadable"
        case empty = "scan.signatures-empty"
        case damaged = "scan.signatures-damaged"
        case memory = "scan.signatures-memory"
        case library = "scan.library"
        /// The process for scans could not be started, or not be shut in.
        case isolation = "scan.isolation"
    }

    package var reason: Reason
    /// A path.
    package var path: String
    /// libclamav's or the system's words.
    package var detail: String

    /// The same attempt may come to something else the next time, though no file has changed: memory that was short, a full disk, a
    /// process that was killed.
    var mayPass: Bool {
        switch reason {
        case .memory, .library, .isolation: true
        case .missing, .unreadable, .empty, .damaged: false
        }
    }

    package var key: String { reason.rawValue }
    package var description: String { "\(reason.rawValue): \(path): \(detail)" }
}
