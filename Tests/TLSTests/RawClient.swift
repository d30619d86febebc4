import COpenSSL
import NIOCore

@testable import TLS

/// A client made of the library alone, with what ours does not do: it keeps sessions and asks for versions.
final class RawClient {
    private let context: OpaquePointer
    private(set) var ssl: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    struct Failure: Error {}

    init(_ versions: ClosedRange<CInt>, name: String? = nil, session: Session? = nil) throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw Failure() }
        self.context = context
        // SSL_CTRL_SET_MIN_PROTO_VERSION, SSL_CTRL_SET_MAX_PROTO_VERSION.
        SSL_CTX_ctrl(context, 123, Int(versions.lowerBound), nil)
        SSL_CTX_ctrl(context, 124, Int(versions.upperBound), nil)
        SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0")
        guard let ssl = SSL_new(context), let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem()) else { throw Failure() }
        (self.ssl, self.incoming, self.outgoing) = (ssl, incoming, outgoing)
        _ = buzon_BIO_set_mem_eof_return(incoming, -1)
        _ = buzon_BIO_set_mem_eof_return(outgoing, -1)
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_connect_state(ssl)
        if let name { _ = buzon_SSL_set_host_name(ssl, name) }
        if let session { SSL_set_session(ssl, session.pointer) }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    /// What a client keeps for the next connection.
    final class Session {
        let pointer: OpaquePointer
        init?(_ pointer: OpaquePointer?) {
            guard let pointer else { return nil }
            self.pointer = pointer
        }
        deinit { SSL_SESSION_free(pointer) }

        var ticket: [UInt8] {
            var bytes: UnsafePointer<UInt8>?
            var count = 0
            SSL_SESSION_get0_ticket(pointer, &bytes, &count)
            return Array(UnsafeBufferPointer(start: bytes, count: count))
        }
    }

    /// Steps until the handshake is done; what the server sent behind it (tickets) is read, too.
    func shake(with server: TLSEngine) throws {
        for _ in 0..<20 {
            ERR_clear_error()
            let result = SSL_do_handshake(ssl)
            if result != 1, SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ { throw Failure() }
            server.feed(ByteBuffer(bytes: drain()))
            let handshake = try server.shakeHands()
            feed(server.drain(ByteBufferAllocator()).map { Array($0.readableBytesView) } ?? [])
            if result == 1, case .done = handshake {
                _ = read()
                return
            }
        }
        throw Failure()
    }

    func drain() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = BIO_read(outgoing, &bytes, CInt(bytes.count))
        return Array(bytes.prefix(max(0, Int(count))))
    }

    func feed(_ bytes: [UInt8]) { if !bytes.isEmpty { BIO_write(incoming, bytes, CInt(bytes.count)) } }

    func hello() -> [UInt8] {
        SSL_do_handshake(ssl)
        ERR_clear_error()
        return drain()
    }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        SSL_write(ssl, bytes, CInt(bytes.count))
    }

    func read() -> String {
        ERR_clear_error()
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = SSL_read(ssl, &bytes, CInt(bytes.count))
        ERR_clear_error()
        return String(decoding: bytes.prefix(max(0, Int(count))), as: UTF8.self)
    }

    /// Ends politely (a session of a connection that was cut is not resumed) and takes what it learnt.
    func finish() -> Session? {
        SSL_shutdown(ssl)
        ERR_clear_error()
        return Session(SSL_get1_session(ssl))
    }

    var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    var peerKeyHash: [UInt8] { SSL_get0_peer_certificate(ssl).map { Certificate.publicKeyHash(of: $0) } ?? [] }
}

extension ServerContext {
    /// Only up to that version.
    func limit(to version: TLSVersion) { SSL_CTX_ctrl(main, 124, Int(version.number), nil) }
}

let tls11 = TLSVersion.tls11.number...TLSVersion.tls11.number
let tls12 = TLSVersion.tls12.number...TLSVersion.tls12.number
let tls13 = TLSVersion.tls13.number...TLSVersion.tls13.number
