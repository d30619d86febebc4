/// How connections are encrypted, and who may log in.
extension Setting {
    package static let tlsMinimum = Setting(
        key: "tls-minimum", kind: .choice(["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]), fallback: "TLSv1.2")
    /// Certificates read from files, and again when these change: `chain.pem:key.pem`, several separated by commas.
    package static let certificateFiles = Setting(key: "certificate-files", kind: .text, fallback: "")
    /// Of the certificate that the server makes itself: its key, and its subject within the bounds of RFC 5280 appendix A.1.
    package static let certificateKey = Setting(key: "certificate-key", kind: .choice(["ecdsa", "rsa"]), fallback: "ecdsa")
    package static let certificateCountry = Setting(key: "certificate-country", kind: .country, fallback: "")
    package static let certificateState = Setting(key: "certificate-state", kind: .line(128), fallback: "")
    package static let certificateLocality = Setting(key: "certificate-locality", kind: .line(128), fallback: "")
    package static let certificateOrganization = Setting(key: "certificate-organization", kind: .line(64), fallback: "")
    package static let certificateUnit = Setting(key: "certificate-unit", kind: .line(64), fallback: "")
    package static let certificateEmail = Setting(key: "certificate-email", kind: .address, fallback: "")

    static let tls: [Setting] = [
        tlsMinimum, certificateFiles, certificateKey, certificateCountry, certificateState, certificateLocality, certificateOrganization,
        certificateUnit,
        certificateEmail,
    ]

    /// CRAM-MD5 and DIGEST-MD5, for which passwords are kept readable.
    package static let legacyMechanisms = Setting(key: "legacy-mechanisms", kind: .bool, fallback: "false")
    /// Distinct wrong passwords, of one address or account, before it is refused.
    package static let loginFailures = Setting(key: "login-failures", kind: .integer(3...10_000), fallback: "10")
    package static let lockoutMinutes = Setting(key: "lockout-minutes", kind: .integer(1...100_000), fallback: "15")

    static let authentication: [Setting] = [legacyMechanisms, loginFailures, lockoutMinutes]
}
