import COpenSSL

/// A certificate with its chain and its key. Immutable; safe to use from any thread, as the library counts references atomically.
package final class Certificate: @unchecked Sendable {
    /// Octets of PEM text that are read at most.
    package static let maximumPEM = 1 << 20

    /// End-entity first.
    let chain: [OpaquePointer]
    let key: OpaquePointer
    /// As they can be stored again.
    package let chainPEM: String
    package let keyPEM: String

    /// The DNS names of subjectAltName, else the common name (RFC 6125 §6.4.4). Lower case.
    package let names: [String]
    /// Seconds since 1970.
    package let notBefore: Int64
    package let notAfter: Int64
    package let isSelfSigned: Bool
    /// SHA-256 of the certificate, and of its public key: a TLSA record's `3 1 1` (RFC 6698 §2.1).
    package let fingerprint: [UInt8]
    package let publicKeyHash: [UInt8]

    /// From a PEM chain and a PEM key. Throws `.configuration` that says which of the two is unreadable, or that they don't belong
    /// together. An encrypted key is refused: there is nobody to ask for its passphrase.
    package init(chainPEM: String, keyPEM: String) throws(TLSFailure) {
        guard chainPEM.utf8.count <= Self.maximumPEM, keyPEM.utf8.count <= Self.maximumPEM else {
            throw TLSFailure(.configuration, "the certificate or its key is too long")
        }
        let chain = try Self.readChain(chainPEM)
        let key: OpaquePointer
        do throws(TLSFailure) {
            key = try Self.readKey(keyPEM)
        } catch {
            chain.forEach(X509_free)
            throw error
        }
        // From here on deinit frees them.
        self.chain = chain
        self.key = key
        self.chainPEM = chainPEM
        self.keyPEM = keyPEM
        let leaf = chain[0]
        names = Self.names(of: leaf)
        notBefore = Self.seconds(X509_get0_notBefore(leaf))
        notAfter = Self.seconds(X509_get0_notAfter(leaf))
        isSelfSigned = X509_NAME_cmp(X509_get_subject_name(leaf), X509_get_issuer_name(leaf)) == 0
        fingerprint = Self.digest { X509_digest(leaf, EVP_sha256(), $0, $1) }
        publicKeyHash = Self.publicKeyHash(of: leaf)
        ERR_clear_error()
        guard X509_check_private_key(leaf, key) == 1 else {
            ERR_clear_error()
            throw TLSFailure(.configuration, "the key does not belong to the certificate")
        }
    }

    deinit {
        chain.forEach(X509_free)
        EVP_PKEY_free(key)
    }

    /// Whether it is for this name, wildcards in the leftmost label included (RFC 6125 §6.4.3). Compares lower case.
    package func covers(_ name: String) -> Bool {
        names.contains { pattern in
            if pattern == name { return true }
            guard pattern.hasPrefix("*."), let dot = name.firstIndex(of: ".") else { return false }
            return dot > name.startIndex && name[dot...] == pattern.dropFirst()
        }
    }

    /// The SHA-256 of the issuer's public key of the last certificate in the chain, for TLSA `2 1 1`; nil for a lone certificate.
    package var anchorKeyHash: [UInt8]? { chain.count > 1 ? chain.last.map(Self.publicKeyHash) : nil }

    /// For logs: names, end, fingerprint.
    package var summary: String {
        "\(names.joined(separator: ", ")); SHA-256 \(Self.hexadecimal(fingerprint))"
    }

    /// As people compare fingerprints, and as TLSA records have them: lower case, without separators.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

// MARK: - Reading

extension Certificate {
    private static func withBIO<Result>(_ text: String, _ body: (OpaquePointer) throws(TLSFailure) -> Result) throws(TLSFailure) -> Result {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, let bio = BIO_new(BIO_s_mem()) else { throw TLSFailure(.configuration, "nothing to read") }
        defer { BIO_free(bio) }
        guard BIO_write(bio, bytes, CInt(bytes.count)) == CInt(bytes.count) else { throw .last(.configuration, "out of memory") }
        ERR_clear_error()
        return try body(bio)
    }

    private static func readChain(_ text: String) throws(TLSFailure) -> [OpaquePointer] {
        try withBIO(text) { bio throws(TLSFailure) in
            var chain: [OpaquePointer] = []
            while chain.count < 20, let next = PEM_read_bio_X509(bio, nil, nil, nil) { chain.append(next) }
            // What follows the last one is no error of ours to tell.
            ERR_clear_error()
            guard !chain.isEmpty else { throw TLSFailure(.configuration, "there is no certificate in PEM form") }
            return chain
        }
    }

    private static func readKey(_ text: String) throws(TLSFailure) -> OpaquePointer {
        try withBIO(text) { bio throws(TLSFailure) in
            guard let key = PEM_read_bio_PrivateKey(bio, nil, refusePassphrase, nil) else {
                ERR_clear_error()
                throw TLSFailure(.configuration, "there is no private key in PEM form, or it is encrypted")
            }
            return key
        }
    }

    private static func names(of certificate: OpaquePointer) -> [String] {
        var names: [String] = []
        if let raw = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) {
            let list = OpaquePointer(raw)
            for index in 0..<max(0, buzon_GENERAL_NAME_count(list)) {
                guard let name = buzon_GENERAL_NAME_at(list, index), name.pointee.type == GEN_DNS else { continue }
                if let text = string(name.pointee.d.dNSName) { names.append(text) }
            }
            GENERAL_NAMES_free(list)
        }
        guard names.isEmpty, let subject = X509_get_subject_name(certificate) else { return names }
        let place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard place >= 0, let entry = X509_NAME_get_entry(subject, place) else { return [] }
        return string(X509_NAME_ENTRY_get_data(entry)).map { [$0] } ?? []
    }

    private static func string(_ text: UnsafeMutablePointer<ASN1_STRING>?) -> String? {
        guard let text, let bytes = ASN1_STRING_get0_data(text) else { return nil }
        let length = Int(ASN1_STRING_length(text))
        let octets = UnsafeBufferPointer(start: bytes, count: length)
        // A NUL within a name is an attempt to be two names.
        guard length > 0, length <= 255, octets.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        return String(decoding: octets.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        guard let time, let epoch = ASN1_TIME_set(nil, 0) else { return 0 }
        defer { ASN1_STRING_free(epoch) }
        var days: CInt = 0
        var rest: CInt = 0
        guard ASN1_TIME_diff(&days, &rest, epoch, time) == 1 else { return 0 }
        return Int64(days) * 86_400 + Int64(rest)
    }

    private static func digest(_ make: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt32>) -> CInt) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 64) { bytes, count in
            var length: UInt32 = 0
            count = make(bytes.baseAddress, &length) == 1 ? Int(length) : 0
        }
    }

    static func publicKeyHash(of certificate: OpaquePointer) -> [UInt8] {
        var encoded: UnsafeMutablePointer<UInt8>?
        let length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded)
        guard length > 0, let encoded else { return [] }
        defer { CRYPTO_free(encoded, nil, 0) }
        return digest { EVP_Digest(encoded, Int(length), $0, $1, EVP_sha256(), nil) }
    }
}

/// The library must never ask the terminal.
private func refusePassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: CInt, _ isWriting: CInt, _ context: UnsafeMutableRawPointer?
) -> CInt { -1 }
