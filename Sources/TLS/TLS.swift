// TLS: libssl behind a channel handler. The one TLS stack of the process, patched by the distribution.
//
// `TLSHandler` encrypts a NIO channel over memory BIOs; `ServerContext` and `ClientContext` say how; `Certificate` is what a
// server proves itself with. A handshake's arithmetic runs on a few threads of its own (`HandshakePool`), so that no event
// loop waits for a signature.
//
// Invariants: bytes that came in the clear never reach what is behind the handler; everything that was written before a close
// is sent before it, close_notify behind it; no secret and no key is ever printed.

import COpenSSL

/// What went wrong in TLS, in words for the log, and as RFC 8460 §4.3 counts it.
package struct TLSFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// No handshake: not TLS, no version or cipher in common, an alert of the peer.
        case handshake
        /// The peer's certificate is past its time.
        case certificateExpired
        /// It is for another name.
        case hostMismatch
        /// Nobody whom we trust vouches for it; with DANE: no TLSA record matches.
        case notTrusted
        /// The connection ended before close_notify.
        case truncated
        /// The pool of handshakes is full.
        case overloaded
        /// The library refused a key, a certificate or an option.
        case configuration
    }

    package var kind: Kind
    package var detail: String

    package init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    package var description: String { detail }

    /// What the library's error queue of this thread says, which is emptied.
    static func last(_ kind: Kind, _ doing: String) -> TLSFailure {
        var reasons: [String] = []
        while case let code = ERR_get_error(), code != 0 {
            if let text = ERR_reason_error_string(code), reasons.count < 3 { reasons.append(String(cString: text)) }
        }
        return TLSFailure(kind, reasons.isEmpty ? doing : "\(doing): \(reasons.joined(separator: ", "))")
    }
}

/// The TLS versions that can be asked for as the oldest one.
package enum TLSVersion: String, Sendable, Hashable, CaseIterable {
    case tls10 = "TLSv1"
    case tls11 = "TLSv1.1"
    case tls12 = "TLSv1.2"
    case tls13 = "TLSv1.3"

    /// <openssl/ssl3.h>, <openssl/tls1.h>.
    var number: CInt {
        switch self {
        case .tls10: 0x0301
        case .tls11: 0x0302
        case .tls12: 0x0303
        case .tls13: 0x0304
        }
    }
}
