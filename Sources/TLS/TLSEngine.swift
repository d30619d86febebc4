import COpenSSL
import Dialogue
import NIOCore
import Resolution

/// One library connection over two memory BIOs: what came from the wire goes in, what is to go there comes out. It is used by one
/// thread at a time: the event loop, or while a handshake's step runs, a thread of the pool.
final class TLSEngine: @unchecked Sendable {
    enum Role {
        case server(ServerContext)
        /// `place`: address and port, under which sessions are kept; nil: none are.
        case client(ClientContext, name: String?, PeerProof, place: String? = nil)
    }

    enum Handshake { case goesOn, done }
    enum Read { case bytes, wantsMore, ended }

    /// TLS records are at most this long (RFC 8446 §5.1).
    static let record = 16_384

    private let ssl: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    /// Kept alive: the library's callbacks reach it.
    private let role: Role
    private let slot: SessionSlot?

    init(_ role: Role) throws(TLSFailure) {
        ERR_clear_error()
        switch role {
        case .server(let context):
            guard let made = SSL_new(context.main) else { throw .last(.configuration, "no TLS connection") }
            SSL_set_accept_state(made)
            ssl = made
            slot = nil
        case .client(let context, let name, let proof, let place):
            slot = place.map { SessionSlot(context.sessions, SessionCache.Key(place: $0, name: name, proof: proof)) }
            ssl = try context.connection(to: name, proof, slot)
        }
        guard let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw TLSFailure(.configuration, "out of memory")
        }
        _ = buzon_BIO_set_mem_eof_return(incoming, -1)
        _ = buzon_BIO_set_mem_eof_return(outgoing, -1)
        SSL_set_bio(ssl, incoming, outgoing)
        self.incoming = incoming
        self.outgoing = outgoing
        self.role = role
    }

    deinit { SSL_free(ssl) }

    /// Takes bytes from the wire.
    func feed(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = BIO_write(incoming, rest.baseAddress, CInt(clamping: rest.count))
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
            }
        }
    }

    /// What is to go onto the wire; nil when there is nothing.
    func drain(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        var bytes: UnsafeMutablePointer<CChar>?
        let length = buzon_BIO_get_mem_data(outgoing, &bytes)
        guard length > 0, let bytes else { return nil }
        var buffer = allocator.buffer(capacity: length)
        buffer.writeBytes(UnsafeRawBufferPointer(start: bytes, count: length))
        _ = buzon_BIO_reset(outgoing)
        return buffer
    }

    /// A step of the handshake with what has been fed.
    func shakeHands() throws(TLSFailure) -> Handshake {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            // Before TLS 1.3 a session is good for more than one connection, and its server says nothing new.
            if SSL_session_reused(ssl) == 1, SSL_version(ssl) < TLSVersion.tls13.number { slot?.keep(SSL_get_session(ssl)) }
            return .done
        }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .goesOn
        default: throw failure
        }
    }

    /// Why the handshake failed.
    private var failure: TLSFailure {
        guard let verdict else { return .last(.handshake, "TLS handshake") }
        return verdict
    }

    /// The certificate's fault (RFC 8460 §4.3.1); nil when there is none.
    private var verdict: TLSFailure? {
        let verdict = SSL_get_verify_result(ssl)
        guard verdict != 0 else { return nil }
        ERR_clear_error()
        let text = String(cString: X509_verify_cert_error_string(verdict))
        switch CInt(truncatingIfNeeded: verdict) {
        case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: return TLSFailure(.certificateExpired, text)
        case X509_V_ERR_HOSTNAME_MISMATCH: return TLSFailure(.hostMismatch, text)
        default: return TLSFailure(.notTrusted, text)
        }
    }

    /// Decrypts into the buffer: at most a record.
    func read(into buffer: inout ByteBuffer) throws(TLSFailure) -> Read {
        ERR_clear_error()
        var result: CInt = 0
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.record) { bytes in
            var count = 0
            result = SSL_read_ex(ssl, bytes.baseAddress, bytes.count, &count)
            return result == 1 ? count : 0
        }
        if result == 1 { return .bytes }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantsMore
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: throw .last(.handshake, "TLS")
        }
    }

    /// Encrypts all of the buffer.
    func write(_ buffer: ByteBuffer) throws(TLSFailure) {
        let isDone = buffer.withUnsafeReadableBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                ERR_clear_error()
                var count = 0
                guard SSL_write_ex(ssl, rest.baseAddress, min(rest.count, Self.record), &count) == 1, count > 0 else { return false }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return true
        }
        guard isDone else { throw .last(.handshake, "TLS write") }
    }

    /// Says close_notify.
    func sayGoodbye() {
        ERR_clear_error()
        SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// Whether the peer's certificate was verified as asked.
    var isVerified: Bool {
        switch role {
        case .server, .client(_, _, .nothing, _): false
        case .client: SSL_get_verify_result(ssl) == 0
        }
    }

    /// What a proof that was only wished for lacked.
    var shortfall: TLSFailure? { if case .client(_, _, .wished, _) = role { verdict } else { nil } }

    var facts: TLSFacts {
        var bits: CInt = 0
        let cipher = SSL_get_current_cipher(ssl)
        SSL_CIPHER_get_bits(cipher, &bits)
        let isServer = if case .server = role { true } else { false }
        return TLSFacts(
            version: SSL_get_version(ssl).map { String(cString: $0) } ?? "",
            cipher: SSL_CIPHER_get_name(cipher).map { String(cString: $0) } ?? "",
            bits: Int(bits), serverName: isServer ? requestedName(ssl) : nil, binding: binding(isServer: isServer),
            isResumed: SSL_session_reused(ssl) == 1)
    }

    private func binding(isServer: Bool) -> ChannelBinding? {
        if SSL_version(ssl) >= TLSVersion.tls13.number {
            // RFC 9266 §2.
            let label = Array("EXPORTER-Channel-Binding".utf8CString).dropLast()
            var data = [UInt8](repeating: 0, count: 32)
            guard SSL_export_keying_material(ssl, &data, data.count, Array(label), label.count, nil, 0, 0) == 1 else { return nil }
            return ChannelBinding(name: "tls-exporter", data: data)
        }
        // RFC 5929 §4.1: the hash of the certificate's signature, SHA-256 in the place of MD5 and SHA-1.
        let own = isServer ? SSL_get_certificate(ssl) : nil
        guard let certificate = own ?? (isServer ? nil : SSL_get0_peer_certificate(ssl)) else { return nil }
        var hash: CInt = 0
        guard OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &hash, nil) == 1 else { return nil }
        if hash == NID_md5 || hash == NID_sha1 { hash = NID_sha256 }
        guard let digest = EVP_get_digestbyname(OBJ_nid2sn(hash)) else { return nil }
        let data = [UInt8](unsafeUninitializedCapacity: 64) { bytes, count in
            var length: UInt32 = 0
            count = X509_digest(certificate, digest, bytes.baseAddress, &length) == 1 ? Int(length) : 0
        }
        return data.isEmpty ? nil : ChannelBinding(name: "tls-server-end-point", data: data)
    }
}
