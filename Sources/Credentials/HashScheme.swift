import COpenSSL

/// The schemes of password hashes that Dovecot and Courier write in braces.
enum HashScheme: Sendable, Hashable {
    /// The password itself.
    case plain
    /// crypt(3), of which the value tells the method.
    case crypt(Set<CryptMethod>)
    /// A digest of the password and then the salt, which follows it in the value.
    case salted(DigestFunction)
    case unsalted(DigestFunction)
    /// Dovecot's MD5: crypt's, or the digest.
    case anyMD5

    /// `name`: in capitals, without braces and encoding.
    init?(_ name: Substring) {
        switch name {
        case "PLAIN", "CLEARTEXT", "CLEAR": self = .plain
        case "CRYPT": self = .crypt(Set(CryptMethod.allCases))
        case "DES-CRYPT": self = .crypt([.des])
        case "MD5-CRYPT": self = .crypt([.md5])
        case "SHA256-CRYPT": self = .crypt([.sha256])
        case "SHA512-CRYPT": self = .crypt([.sha512])
        case "BLF-CRYPT": self = .crypt([.blowfish])
        case "MD5": self = .anyMD5
        case "PLAIN-MD5", "LDAP-MD5", "MD5RAW": self = .unsalted(.md5)
        case "SHA", "SHA1": self = .unsalted(.sha1)
        case "SHA256": self = .unsalted(.sha256)
        case "SHA512": self = .unsalted(.sha512)
        case "SMD5": self = .salted(.md5)
        case "SSHA": self = .salted(.sha1)
        case "SSHA256": self = .salted(.sha256)
        case "SSHA512": self = .salted(.sha512)
        default: return nil
        }
    }
}

/// How the bytes are written.
enum HashEncoding: Sendable, Hashable {
    case hexadecimal, base64

    /// The part behind the dot of a scheme's name, in capitals.
    init?(_ name: Substring) {
        switch name {
        case "HEX": self = .hexadecimal
        case "B64", "BASE64": self = .base64
        default: return nil
        }
    }

    func decoded(_ text: Substring) -> [UInt8]? {
        switch self {
        case .base64: base64Decoded(text)
        case .hexadecimal: hexadecimalDecoded(text)
        }
    }
}

enum DigestFunction: Sendable, Hashable {
    case md5, sha1, sha256, sha512

    var length: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha512: 64
        }
    }

    func digest(_ bytes: [UInt8]) -> [UInt8]? {
        var result = [UInt8](repeating: 0, count: length)
        var count: UInt32 = 0
        let function =
            switch self {
            case .md5: EVP_md5()
            case .sha1: EVP_sha1()
            case .sha256: EVP_sha256()
            case .sha512: EVP_sha512()
            }
        guard EVP_Digest(bytes, bytes.count, &result, &count, function, nil) == 1, Int(count) == length else { return nil }
        return result
    }
}

func hexadecimalDecoded(_ text: Substring) -> [UInt8]? {
    let digits = text.utf8.map { byte -> UInt8? in
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
    guard !digits.isEmpty, digits.count % 2 == 0 else { return nil }
    var result: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = digits[index], let low = digits[index + 1] else { return nil }
        result.append(high << 4 | low)
    }
    return result
}
