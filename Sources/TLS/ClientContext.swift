import COpenSSL
import Resolution

/// How our connections to other servers are encrypted. One for the process, made anew when its options change.
package final class ClientContext: @unchecked Sendable {
    package struct Options: Sendable, Hashable {
        /// Opportunistic encryption takes what the peer has: old is better than none (RFC 7435 §3).
        package var minimum = TLSVersion.tls10
        /// Roots in PEM form beside the system's.
        package var rootsFile: String?

        package init(minimum: TLSVersion = .tls10, rootsFile: String? = nil) {
            self.minimum = minimum
            self.rootsFile = rootsFile
        }
    }

    private let pointer: OpaquePointer
    let sessions = SessionCache()

    package init(_ options: Options = Options()) throws(TLSFailure) {
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(TLS_client_method()) else { throw .last(.configuration, "no TLS context") }
        // From here on deinit frees it.
        self.pointer = pointer
        _ = buzon_SSL_CTX_set_mode(pointer, 0x13)
        // NO_COMPRESSION, NO_RENEGOTIATION.
        SSL_CTX_set_options(pointer, 1 << 17 | 1 << 30)
        // SSL_SESS_CACHE_CLIENT 1, NO_INTERNAL 0x300: the callback keeps what is to be kept.
        _ = buzon_SSL_CTX_set_session_cache_mode(pointer, 0x301)
        SSL_CTX_sess_set_new_cb(pointer, keepSession)
        let isOld = options.minimum == .tls10 || options.minimum == .tls11
        guard buzon_SSL_CTX_set_min_proto_version(pointer, options.minimum.number) == 1,
            SSL_CTX_set_cipher_list(pointer, isOld ? "DEFAULT:!aNULL:!eNULL:@SECLEVEL=0" : "DEFAULT:!aNULL:!eNULL") == 1,
            SSL_CTX_set_default_verify_paths(pointer) == 1, SSL_CTX_dane_enable(pointer) == 1
        else { throw .last(.configuration, "a TLS option was refused") }
        if let file = options.rootsFile, SSL_CTX_load_verify_file(pointer, file) != 1 {
            throw .last(.configuration, "\(file) holds no certificates")
        }
    }

    deinit { SSL_CTX_free(pointer) }

    /// A library connection for a peer. `slot`: where its sessions are kept. Throws `.configuration`, and `.notTrusted` when no DANE record
    /// can be used.
    func connection(to name: String?, _ proof: PeerProof, _ slot: SessionSlot? = nil) throws(TLSFailure) -> OpaquePointer {
        ERR_clear_error()
        guard let ssl = SSL_new(pointer) else { throw .last(.configuration, "no TLS connection") }
        do throws(TLSFailure) {
            SSL_set_connect_state(ssl)
            // RFC 7672 §8.1: the TLSA base domain. Nobody's name is an address (RFC 6066 §3).
            let name = if case .dane(_, let names) = proof { names.first ?? name } else { name }
            if let name, name.contains(where: { $0.isLetter }), !name.contains(":"), buzon_SSL_set_host_name(ssl, name) != 1 {
                throw .last(.configuration, "\(name) can't be asked for")
            }
            switch proof {
            case .nothing: SSL_set_verify(ssl, SSL_VERIFY_NONE, nil)
            case .certificate(let names):
                SSL_set_verify(ssl, SSL_VERIFY_PEER, nil)
                // SECLEVEL 2: what is to be believed is not an MD5 or a 1024-bit key.
                SSL_set_security_level(ssl, 2)
                try allow(names, ssl)
            case .wished(let names):
                // The chain and the names are looked at, whatever comes of it.
                SSL_set_verify(ssl, SSL_VERIFY_NONE, nil)
                try allow(names, ssl)
            case .dane(let records, let names): try require(records, names, ssl, name)
            }
            slot?.attach(to: ssl)
            return ssl
        } catch {
            SSL_free(ssl)
            throw error
        }
    }

    private func allow(_ names: [String], _ ssl: OpaquePointer) throws(TLSFailure) {
        // X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS 4, SINGLE_LABEL_SUBDOMAINS 0x10.
        SSL_set_hostflags(ssl, 0x14)
        guard !names.isEmpty else { throw TLSFailure(.configuration, "no name to verify") }
        for name in names where SSL_add1_host(ssl, name) != 1 { throw .last(.configuration, "\(name) can't be verified") }
    }

    private func require(
        _ records: [TLSARecord], _ names: [String], _ ssl: OpaquePointer, _ host: String?
    ) throws(TLSFailure) {
        guard let base = names.first ?? host, SSL_dane_enable(ssl, base) > 0 else {
            throw .last(.configuration, "DANE can't be used")
        }
        // DANE_FLAG_NO_DANE_EE_NAMECHECKS: RFC 7672 §3.1.1.
        SSL_dane_set_flags(ssl, 1)
        for name in names.dropFirst() where SSL_add1_host(ssl, name) != 1 { throw .last(.configuration, "\(name) can't be verified") }
        var used = 0
        for record in records where record.isUsable {
            // 0: the library can't use it; negative: out of memory.
            if SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matchingType, record.data, record.data.count) > 0 { used += 1 }
        }
        ERR_clear_error()
        guard used > 0 else { throw TLSFailure(.notTrusted, "no usable TLSA record") }
        SSL_set_verify(ssl, SSL_VERIFY_PEER, nil)
    }
}
