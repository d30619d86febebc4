import Dialogue
import Foundation

@testable import Credentials

/// The client's side of DIGEST-MD5 (RFC 2831 §2.1.2), with whatever realm; Cyrus's own takes the only one that is offered.
struct DigestClient {
    var name: String
    var password: String
    /// Nil: none is said.
    var realm: String?
    var nonceCount = "00000001"

    /// Nil for a challenge that is none.
    func response(to challenge: [UInt8]) -> Secret? {
        guard let nonce = Self.nonce(of: challenge) else { return nil }
        let (uri, own) = ("smtp/mail.host", "Y2xpZW50ZQ==")
        let user = digest(Array("\(name):\(realm ?? ""):\(password)".utf8))
        let first = hexadecimal(digest(user + Array(":\(nonce):\(own)".utf8)))
        let second = hexadecimal(digest(Array("AUTHENTICATE:\(uri)".utf8)))
        let proof = hexadecimal(digest(Array("\(first):\(nonce):\(nonceCount):\(own):auth:\(second)".utf8)))
        let said = realm.map { "realm=\"\($0)\"," } ?? ""
        return Secret(
            Array(
                "charset=utf-8,username=\"\(name)\",\(said)nonce=\"\(nonce)\",nc=\(nonceCount),cnonce=\"\(own)\",digest-uri=\"\(uri)\",response=\(proof),qop=auth"
                    .utf8))
    }

    static func nonce(of challenge: [UInt8]) -> Substring? {
        let text = String(decoding: challenge, as: UTF8.self)
        guard let start = text.range(of: "nonce=\"")?.upperBound else { return nil }
        return text[start...].prefix { $0 != "\"" }
    }

    private func digest(_ bytes: [UInt8]) -> [UInt8] { DigestFunction.md5.digest(bytes) ?? [] }
    private func hexadecimal(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }
}
