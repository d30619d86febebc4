import COpenSSL
import Glibc
import Synchronization

/// Keys of TLS session tickets (RFC 5077, RFC 8446 §4.6.1), made from one secret that outlives a restart: a client's ticket stays good,
/// and no state is kept for it. A key encrypts for `period`, decrypts for one more, and is never used again.
package final class TicketKeys: Sendable {
    /// Seconds.
    static let period: Int64 = 12 * 3_600

    struct Key: Sendable {
        var name: [UInt8]
        var cipher: [UInt8]
        var code: [UInt8]
    }

    private let secret: [UInt8]
    private let clock: @Sendable () -> Int64
    private let kept = Mutex<(period: Int64, current: Key, previous: Key)?>(nil)

    /// `secret`: at least 32 random bytes. `clock`: seconds since 1970.
    package init(secret: [UInt8], clock: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }) {
        self.secret = secret
        self.clock = clock
    }

    private var keys: (current: Key, previous: Key) {
        let period = clock() / Self.period
        return kept.withLock { kept in
            if let kept, kept.period == period { return (kept.current, kept.previous) }
            let fresh = (period, derive(period), derive(period - 1))
            kept = fresh
            return (fresh.1, fresh.2)
        }
    }

    var current: Key { keys.current }

    /// The key of a ticket by its name, and whether a new ticket should follow.
    func find(_ name: [UInt8]) -> (key: Key, isOld: Bool)? {
        let keys = keys
        if name == keys.current.name { return (keys.current, false) }
        return name == keys.previous.name ? (keys.previous, true) : nil
    }

    /// 16 bytes of name, 32 for AES-256, 32 for HMAC-SHA-256.
    private func derive(_ period: Int64) -> Key {
        func part(_ label: String) -> [UInt8] {
            let message = Array("\(label) \(period)".utf8)
            return [UInt8](unsafeUninitializedCapacity: 32) { bytes, count in
                var length: UInt32 = 0
                let isDone = HMAC(
                    EVP_sha256(), secret, CInt(clamping: secret.count), message, message.count, bytes.baseAddress, &length)
                count = isDone == nil ? 0 : Int(length)
            }
        }
        return Key(name: Array(part("ticket name").prefix(16)), cipher: part("ticket cipher"), code: part("ticket code"))
    }
}

/// Called by the library to encrypt (`isNew` 1) or decrypt (0) a ticket: 1 done, 2 done and a new one should follow, 0 no such key.
func ticketKey(
    _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ vector: UnsafeMutablePointer<UInt8>?, _ cipher: OpaquePointer?,
    _ code: OpaquePointer?, _ isNew: CInt
) -> CInt {
    guard let ssl, let name, let vector, let keys = ServerContext.of(ssl)?.ticketKeys else { return -1 }
    if isNew == 1 {
        let key = keys.current
        guard key.name.count == 16, RAND_bytes(vector, 16) == 1 else { return -1 }
        name.update(from: key.name, count: 16)
        guard EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipher, vector) == 1 else { return -1 }
        return setCode(code, key) ? 1 : -1
    }
    guard let (key, isOld) = keys.find(Array(UnsafeBufferPointer(start: name, count: 16))) else { return 0 }
    guard EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipher, vector) == 1, setCode(code, key) else { return -1 }
    // RFC 8446 §C.4: a ticket is for one connection, so that another one must follow; the library leaves that to us.
    return isOld || SSL_version(ssl) >= TLSVersion.tls13.number ? 2 : 1
}

private func setCode(_ code: OpaquePointer?, _ key: TicketKeys.Key) -> Bool {
    buzon_EVP_MAC_CTX_set_sha256_key(code, key.code, key.code.count) == 1
}
