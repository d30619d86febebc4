import COpenSSL

/// A certificate that the server makes itself, as the classic `openssl req -new -x509 -nodes` does.
package struct SelfSignedRequest: Sendable, Hashable {
    package enum Key: String, Sendable, Hashable { case ecdsa, rsa }

    /// Common name and subjectAltName: the server's name.
    package var name: String
    package var key: Key
    package var country = ""
    package var state = ""
    package var locality = ""
    package var organization = ""
    package var unit = ""
    package var email = ""
    package var days = 3_650

    package init(name: String, key: Key = .ecdsa) {
        self.name = name
        self.key = key
    }

    /// ECDSA on P-256, or RSA with 2048 bits; signed with SHA-256. Costs up to a second (RSA). Throws `.configuration`: a country that
    /// has not two letters, a name that is none.
    package func make() throws(TLSFailure) -> Certificate {
        ERR_clear_error()
        guard let pair = key == .ecdsa ? buzon_EC_gen("P-256") : buzon_RSA_gen(2_048) else {
            throw .last(.configuration, "no key could be made")
        }
        defer { EVP_PKEY_free(pair) }
        guard let certificate = X509_new() else { throw .last(.configuration, "out of memory") }
        defer { X509_free(certificate) }
        try fill(certificate, pair)
        guard X509_sign(certificate, pair, EVP_sha256()) > 0 else { throw .last(.configuration, "the certificate could not be signed") }
        return try Certificate(
            chainPEM: pem { PEM_write_bio_X509($0, certificate) },
            keyPEM: pem { PEM_write_bio_PrivateKey($0, pair, nil, nil, 0, nil, nil) })
    }

    private func fill(_ certificate: OpaquePointer, _ pair: OpaquePointer) throws(TLSFailure) {
        X509_set_version(certificate, 2)
        // RFC 5280 §4.1.2.2: positive, at most 20 octets, not to be guessed.
        guard let serial = BN_new() else { throw .last(.configuration, "out of memory") }
        defer { BN_free(serial) }
        BN_rand(serial, 127, 0, 0)
        BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate))
        // A clock that is a little behind elsewhere must not refuse it.
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3_600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86_400)
        X509_set_pubkey(certificate, pair)
        guard let subject = X509_get_subject_name(certificate) else { throw .last(.configuration, "out of memory") }
        let fields = [
            ("C", country), ("ST", state), ("L", locality), ("O", organization), ("OU", unit), ("CN", commonName), ("emailAddress", email),
        ]
        for (field, value) in fields where !value.isEmpty {
            let bytes = Array(value.utf8)
            // <openssl/asn1.h>: MBSTRING_UTF8 is MBSTRING_FLAG, 0x1000.
            guard X509_NAME_add_entry_by_txt(subject, field, 0x1000, bytes, CInt(bytes.count), -1, 0) == 1 else {
                throw .last(.configuration, "\"\(value)\" is no \(field) of a certificate")
            }
        }
        X509_set_issuer_name(certificate, subject)
        try extend(certificate, NID_basic_constraints, "critical,CA:FALSE")
        try extend(certificate, NID_key_usage, key == .ecdsa ? "critical,digitalSignature" : "critical,digitalSignature,keyEncipherment")
        try extend(certificate, NID_ext_key_usage, "serverAuth")
        try extend(certificate, NID_subject_alt_name, "DNS:\(name)")
    }

    /// X.520 has 64 characters for it; the whole name is in subjectAltName.
    private var commonName: String { String(decoding: name.utf8.prefix(64), as: UTF8.self) }

    private func extend(_ certificate: OpaquePointer, _ number: CInt, _ value: String) throws(TLSFailure) {
        guard let part = X509V3_EXT_conf_nid(nil, nil, number, value) else { throw .last(.configuration, "\"\(value)\" is no extension") }
        defer { X509_EXTENSION_free(part) }
        guard X509_add_ext(certificate, part, -1) == 1 else { throw .last(.configuration, "out of memory") }
    }

    private func pem(_ write: (OpaquePointer) -> CInt) throws(TLSFailure) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { throw .last(.configuration, "out of memory") }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw .last(.configuration, "PEM could not be written") }
        var bytes: UnsafeMutablePointer<CChar>?
        let length = buzon_BIO_get_mem_data(bio, &bytes)
        guard let bytes, length > 0 else { throw .last(.configuration, "PEM could not be written") }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: length), as: UTF8.self)
    }
}
