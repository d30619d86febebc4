/// Why a database was not fetched, or nothing could be.
package struct UpdateFailure: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The text's key is `signatures.failure.` and this.
    package enum Kind: String, Sendable, Codable, CaseIterable {
        /// No connection, a name that is not known, TLS that fails, a transfer that breaks off.
        case connection
        case timedOut = "timed-out"
        case redirects
        case absent
        /// An HTTP status that is none of the others.
        case status
        case forbidden
        case tooManyRequests = "too-many-requests"
        /// It is no CVD, or its signature is not its makers'.
        case damaged
        /// libclamav does not load it.
        case refused
        case empty
        /// The mirror has an older one than was announced.
        case behind
        case tooLarge = "too-large"
        /// The whole took longer than it may.
        case overtime
        /// A run that does not end, and so hinders the next ones.
        case stuck
        case cancelled
        case noSpace = "no-space"
        case notWritable = "not-writable"
        /// Another process fetches at this time.
        case busy
        case badMirror = "bad-mirror"
        case badURL = "bad-url"
        case badProxy = "bad-proxy"
        case system
    }

    package var kind: Kind
    /// libcurl's or the system's words, a number, a path; without secrets.
    package var detail: String
    /// Seconds since 1970: not to be asked before. 0: no such word.
    package var until: Int64

    package init(_ kind: Kind, _ detail: String = "", until: Int64 = 0) {
        self.kind = kind
        self.detail = detail
        self.until = until
    }

    package var key: String { "signatures.failure.\(kind.rawValue)" }
    package var description: String { detail.isEmpty ? kind.rawValue : "\(kind.rawValue): \(detail)" }

    /// Whether the server wants to be left alone.
    var isRefusal: Bool { kind == .forbidden || kind == .tooManyRequests }
    /// Whether the next database of the same mirror would meet the same.
    var isOfTheMirror: Bool {
        switch kind {
        case .connection, .timedOut, .redirects, .forbidden, .tooManyRequests, .overtime, .stuck, .cancelled, .noSpace, .notWritable, .busy,
            .badMirror, .badURL, .badProxy, .tooLarge, .system:
            true
        case .absent, .status, .damaged, .refused, .empty, .behind: false
        }
    }
}
