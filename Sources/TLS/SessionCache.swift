import COpenSSL
import Resolution
import Synchronization

/// Sessions that servers gave us, each for one more connection (RFC 5077 §3.1, RFC 8446 §2.2): it costs neither side a signature. They are kept
/// under all that trust rested on, so that a session is never resumed where more must be proven than was.
final class SessionCache: Sendable {
    /// Sessions, and octets of one: 8 MiB at most.
    static let limit = 512
    static let sizeLimit = 16_384
    /// However long the server would remember: a certificate must not outlive its end for long.
    static let lifetime = Duration.seconds(3_600)

    struct Key: Sendable, Hashable {
        /// Address and port.
        var place: String
        /// What SNI asks for.
        var name: String?
        var proof: PeerProof
    }

    private struct Entry {
        var bytes: [UInt8]
        var until: ContinuousClock.Instant
    }

    private let entries = Mutex<[Key: Entry]>([:])

    var count: Int { entries.withLock { $0.count } }

    func keep(_ bytes: [UInt8], for key: Key) {
        guard !bytes.isEmpty, bytes.count <= Self.sizeLimit else { return }
        let now = ContinuousClock.now
        entries.withLock { entries in
            if entries.count >= Self.limit, entries[key] == nil {
                entries = entries.filter { $0.value.until > now }
                let surplus = entries.count - Self.limit + Self.limit / 4
                for (old, _) in entries.sorted(by: { $0.value.until < $1.value.until }).prefix(max(0, surplus)) { entries[old] = nil }
            }
            entries[key] = Entry(bytes: bytes, until: now + Self.lifetime)
        }
    }

    /// RFC 8446 §C.4: a ticket is used once. One that brings trouble is gone with it.
    func take(_ key: Key) -> [UInt8]? {
        let now = ContinuousClock.now
        return entries.withLock { $0.removeValue(forKey: key) }.flatMap { $0.until > now ? $0.bytes : nil }
    }
}

/// Where one connection's sessions are kept. The library's callback finds it by the connection.
final class SessionSlot: Sendable {
    static let place: CInt = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nil, nil, nil, nil)

    let cache: SessionCache
    let key: SessionCache.Key

    init(_ cache: SessionCache, _ key: SessionCache.Key) {
        self.cache = cache
        self.key = key
    }

    /// Has the connection offer what is kept. The slot must outlive it.
    func attach(to ssl: OpaquePointer) {
        guard SSL_set_ex_data(ssl, Self.place, Unmanaged.passUnretained(self).toOpaque()) == 1, let bytes = cache.take(key) else { return }
        bytes.withUnsafeBufferPointer { buffer in
            var start = buffer.baseAddress
            guard let session = d2i_SSL_SESSION(nil, &start, buffer.count) else { return }
            SSL_set_session(ssl, session)
            SSL_SESSION_free(session)
        }
        ERR_clear_error()
    }

    func keep(_ session: OpaquePointer?) {
        guard let session, SSL_SESSION_is_resumable(session) == 1 else { return }
        var encoded: UnsafeMutablePointer<UInt8>?
        let length = i2d_SSL_SESSION(session, &encoded)
        guard length > 0, let encoded else { return }
        defer { CRYPTO_free(encoded, nil, 0) }
        cache.keep(Array(UnsafeBufferPointer(start: encoded, count: Int(length))), for: key)
    }
}

/// Called by the library with a session that may be resumed. 0: we keep no reference.
func keepSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> CInt {
    guard let ssl, let slot = SSL_get_ex_data(ssl, SessionSlot.place) else { return 0 }
    Unmanaged<SessionSlot>.fromOpaque(slot).takeUnretainedValue().keep(session)
    return 0
}
