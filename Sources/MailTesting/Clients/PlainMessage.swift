import Mail

/// The one message of PLAIN (RFC 4616 §2).
package enum PlainMessage {
    package static func base64(_ name: String, _ password: String) -> String {
        String(decoding: Base64.encode(Array("\0\(name)\0\(password)".utf8)), as: UTF8.self)
    }
}
