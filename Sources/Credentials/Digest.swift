import COpenSSL

/// SHA-256 of the bytes: 32 bytes.
package func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { result, count in
        var length: UInt32 = 0
        let isDone = EVP_Digest(bytes.baseAddress, bytes.count, result.baseAddress, &length, EVP_sha256(), nil)
        count = isDone == 1 ? Int(length) : 0
    }
}

package func sha256(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { sha256($0) }
}

/// SHA-256 of bytes that come in pieces. It may change threads, since the library's context belongs to its one owner.
package struct SHA256Stream: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer?

    package init() {
        context = EVP_MD_CTX_new()
        _ = EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        _ = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of what came so far; then it begins anew.
    package mutating func finish() -> [UInt8] {
        let result = [UInt8](unsafeUninitializedCapacity: 32) { bytes, count in
            var length: UInt32 = 0
            count = EVP_DigestFinal_ex(context, bytes.baseAddress, &length) == 1 ? Int(length) : 0
        }
        _ = EVP_DigestInit_ex(context, EVP_sha256(), nil)
        return result
    }
}

/// `count` bytes from the library's generator; the kernel seeds it.
package func randomBytes(_ count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: count)
    if RAND_bytes(&bytes, CInt(clamping: count)) == 1 { return bytes }
    var system = SystemRandomNumberGenerator()
    for index in bytes.indices { bytes[index] = UInt8.random(in: .min ... .max, using: &system) }
    return bytes
}

/// Whether two strings of bytes are equal, in time that depends on their lengths only.
package func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}

/// HMAC (RFC 2104) with SHA-256: 32 bytes; empty only when the library fails.
package func hmacSHA256(key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
    authenticationCode(.sha256, key: key, bytes) ?? []
}

func authenticationCode(_ hash: VerifierHash, key: [UInt8], _ bytes: [UInt8]) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: hash.length)
    var length: UInt32 = 0
    guard HMAC(hash.evp, key, CInt(clamping: key.count), bytes, bytes.count, &result, &length) != nil, Int(length) == hash.length
    else { return nil }
    return result
}

func digest(_ hash: VerifierHash, _ bytes: [UInt8]) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: hash.length)
    var length: UInt32 = 0
    guard EVP_Digest(bytes, bytes.count, &result, &length, hash.evp, nil) == 1, Int(length) == hash.length else { return nil }
    return result
}

/// RFC 5802 §2.2 Hi(): PBKDF2 (RFC 8018 §5.2) with HMAC and one block.
func pbkdf2(_ password: [UInt8], salt: [UInt8], iterations: Int, hash: VerifierHash) -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: hash.length)
    let isDone = password.withUnsafeBytes { bytes in
        PKCS5_PBKDF2_HMAC(
            bytes.baseAddress?.assumingMemoryBound(to: CChar.self), CInt(clamping: password.count), salt, CInt(clamping: salt.count),
            CInt(clamping: iterations), hash.evp, CInt(hash.length), &result)
    }
    return isDone == 1 ? result : nil
}

func base64Encoded(_ bytes: [UInt8]) -> String {
    var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
    let length = EVP_EncodeBlock(&text, bytes, CInt(clamping: bytes.count))
    return String(decoding: text.prefix(Int(max(length, 0))), as: UTF8.self)
}

func base64Decoded(_ text: Substring) -> [UInt8]? {
    let bytes = Array(text.utf8)
    guard !bytes.isEmpty, bytes.count % 4 == 0, bytes.count <= 1_024 else { return nil }
    let padding = bytes.suffix(2).reduce(0) { $1 == UInt8(ascii: "=") ? $0 + 1 : $0 }
    var result = [UInt8](repeating: 0, count: bytes.count / 4 * 3)
    let length = EVP_DecodeBlock(&result, bytes, CInt(bytes.count))
    guard length >= padding else { return nil }
    return Array(result.prefix(Int(length) - padding))
}
