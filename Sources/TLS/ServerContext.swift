import COpenSSL
import Glibc
import Synchronization

/// How a server's connections are encrypted, for one state of its certificates. Immutable: a new certificate makes a new context,
/// and the connections that are open keep theirs.
package final class ServerContext: @unchecked Sendable {
    package struct Options: Sendable, Equatable {
        package var minimum = TLSVersion.tls12
        package init(minimum: TLSVersion = .tls12) { self.minimum = minimum }
    }

    /// Forward secrecy and authenticated encryption only, the choice of a server that wants none of its sessions read later.
    static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK:!SRP"
    /// With TLS 1.0 or 1.1, which know neither.
    static let oldCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AES:AES:!aNULL:!PSK:!SRP:@SECLEVEL=0"

    private let contexts: [(certificate: Certificate, pointer: OpaquePointer)]
    let ticketKeys: TicketKeys?
    package let options: Options

    /// The first certificate is the one for names that no other covers. Throws `.configuration`.
    package init(_ certificates: [Certificate], tickets: TicketKeys? = nil, options: Options = Options()) throws(TLSFailure) {
        guard !certificates.isEmpty else { throw TLSFailure(.configuration, "there is no certificate") }
        ticketKeys = tickets
        self.options = options
        var made: [(Certificate, OpaquePointer)] = []
        do throws(TLSFailure) {
            for certificate in certificates { made.append((certificate, try Self.make(certificate, options, hasTickets: tickets != nil))) }
        } catch {
            for (_, pointer) in made { SSL_CTX_free(pointer) }
            contexts = []
            throw error
        }
        contexts = made
        let me = Unmanaged.passUnretained(self).toOpaque()
        for (_, pointer) in made {
            SSL_CTX_set_ex_data(pointer, Self.place, me)
            buzon_SSL_CTX_set_servername(pointer, chooseCertificate, me)
            if tickets != nil { SSL_CTX_set_tlsext_ticket_key_evp_cb(pointer, ticketKey) }
        }
    }

    deinit { for (_, pointer) in contexts { SSL_CTX_free(pointer) } }

    /// Where a library context keeps whose it is.
    static let place: CInt = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nil, nil, nil, nil)

    static func of(_ ssl: OpaquePointer) -> ServerContext? {
        guard let pointer = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place) else { return nil }
        return Unmanaged<ServerContext>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The names of the default certificate.
    package var certificates: [Certificate] { contexts.map(\.certificate) }

    var main: OpaquePointer { contexts[0].pointer }

    func pointer(for name: String) -> OpaquePointer? {
        (contexts.first { $0.certificate.names.contains(name) } ?? contexts.first { $0.certificate.covers(name) })?.pointer
    }

    private static func make(_ certificate: Certificate, _ options: Options, hasTickets: Bool) throws(TLSFailure) -> OpaquePointer {
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw .last(.configuration, "no TLS context") }
        do throws(TLSFailure) {
            try configure(context, certificate, options, hasTickets: hasTickets)
            return context
        } catch {
            SSL_CTX_free(context)
            throw error
        }
    }

    private static func configure(
        _ context: OpaquePointer, _ certificate: Certificate, _ options: Options, hasTickets: Bool
    ) throws(TLSFailure) {
        let isOld = options.minimum == .tls10 || options.minimum == .tls11
        // <openssl/ssl.h>: SSL_OP_NO_COMPRESSION 1<<17, CIPHER_SERVER_PREFERENCE 1<<22, NO_RENEGOTIATION 1<<30, PRIORITIZE_CHACHA 1<<21.
        var flags: UInt64 = 1 << 17 | 1 << 22 | 1 << 30 | 1 << 21
        // SSL_OP_NO_TICKET: without keys of ours the library would make some that die with the process.
        if !hasTickets { flags |= 1 << 14 }
        SSL_CTX_set_options(context, flags)
        // SSL_MODE_RELEASE_BUFFERS 0x10, ENABLE_PARTIAL_WRITE 1, ACCEPT_MOVING_WRITE_BUFFER 2.
        _ = buzon_SSL_CTX_set_mode(context, 0x13)
        // Tickets hold all there is to remember: no cache in memory.
        _ = buzon_SSL_CTX_set_session_cache_mode(context, 0)
        // RFC 5077 §5.6: a session is resumed by who made it. Without it the library refuses resumption where clients are verified.
        let identity = Array("buzon".utf8)
        guard buzon_SSL_CTX_set_min_proto_version(context, options.minimum.number) == 1,
            SSL_CTX_set_cipher_list(context, isOld ? oldCiphers : ciphers) == 1,
            buzon_SSL_CTX_set_groups(context, "X25519:P-256:P-384") == 1,
            SSL_CTX_set_session_id_context(context, identity, UInt32(identity.count)) == 1
        else { throw .last(.configuration, "a TLS option was refused") }
        SSL_CTX_set_timeout(context, Int(TicketKeys.period))
        guard SSL_CTX_use_certificate(context, certificate.chain[0]) == 1, SSL_CTX_use_PrivateKey(context, certificate.key) == 1 else {
            throw .last(.configuration, "the certificate was refused")
        }
        for link in certificate.chain.dropFirst() where buzon_SSL_CTX_add_chain(context, link) != 1 {
            throw .last(.configuration, "the certificate's chain was refused")
        }
    }
}

/// RFC 6066 §3. An unknown name gets the first certificate: mail clients come with all sorts of names, and check it themselves.
private func chooseCertificate(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<CInt>?, _ argument: UnsafeMutableRawPointer?
) -> CInt {
    // <openssl/tls1.h>: SSL_TLSEXT_ERR_OK 0, NOACK 3.
    guard let ssl, let argument, let name = requestedName(ssl) else { return 3 }
    let context = Unmanaged<ServerContext>.fromOpaque(argument).takeUnretainedValue()
    guard let pointer = context.pointer(for: name) else { return 3 }
    if pointer != SSL_get_SSL_CTX(ssl) { SSL_set_SSL_CTX(ssl, pointer) }
    return 0
}

/// The name of SNI, lower case; nil when there is none, or when it is none of a host.
func requestedName(_ ssl: OpaquePointer) -> String? {
    guard let bytes = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return nil }
    let length = strnlen(bytes, 256)
    guard length > 0, length < 256 else { return nil }
    let octets = UnsafeRawBufferPointer(start: bytes, count: length)
    guard octets.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    return String(decoding: octets.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
}
