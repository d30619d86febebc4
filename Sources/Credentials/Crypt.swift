import CCrypt

/// The methods of crypt(3) that are taken.
enum CryptMethod: Sendable, Hashable, CaseIterable {
    case des, md5, sha256, sha512, blowfish, yescrypt

    /// SHA-crypt's rounds: 5,000 unless said. More than this is a way to keep a core busy.
    static let roundsLimit = 500_000
    /// The logarithm of bcrypt's rounds: 14 takes about a second.
    static let blowfishLimit = 14
    /// Base-64 digits of yescrypt's N and r: 2^14 blocks of 4 KiB at the most.
    static let yescryptLimits = (cost: 13, block: 31)

    /// What a whole crypted value is of; nil also for one whose check would cost too much.
    init?(_ value: Substring) {
        let bytes = Array(value.utf8)
        guard bytes.count <= 255, bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3A && $0 != 0x2A }) else { return nil }
        if bytes.first != UInt8(ascii: "$") {
            guard bytes.count == 13, bytes.allSatisfy({ digit($0) != nil }) else { return nil }
            self = .des
            return
        }
        let fields = value.split(separator: "$", omittingEmptySubsequences: false).dropFirst()
        guard let name = fields.first, fields.count >= 3 else { return nil }
        let second = fields[fields.index(after: fields.startIndex)]
        switch name {
        case "1":
            guard fields.count == 3 else { return nil }
            self = .md5
        case "5", "6":
            guard fields.count == 3 || (fields.count == 4 && second.hasPrefix("rounds=")) else { return nil }
            if fields.count == 4 {
                guard let rounds = Int(second.dropFirst(7)), (1_000...Self.roundsLimit).contains(rounds) else { return nil }
            }
            self = name == "5" ? .sha256 : .sha512
        case "2a", "2b", "2y":
            guard fields.count == 3, second.utf8.count == 2, let cost = Int(second), (4...Self.blowfishLimit).contains(cost),
                value.utf8.count == 60
            else { return nil }
            self = .blowfish
        case "y":
            let parameters = Array(second.utf8)
            guard fields.count == 4, parameters.count == 3, parameters[0] == UInt8(ascii: "j"), let cost = digit(parameters[1]),
                let block = digit(parameters[2]), cost <= Self.yescryptLimits.cost, block <= Self.yescryptLimits.block
            else { return nil }
            self = .yescrypt
        default:
            return nil
        }
    }
}

/// The value of a digit in crypt's own base 64.
private func digit(_ byte: UInt8) -> Int? {
    switch byte {
    case UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 0x2E
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(byte) - 0x41 + 12
    case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte) - 0x61 + 38
    default: nil
    }
}

/// crypt(3) of the password with the settings of `value`; nil when the library can't.
func crypted(_ password: [UInt8], as value: Substring) -> [UInt8]? {
    // A string of C.
    guard !password.contains(0), password.count < Int(CRYPT_MAX_PASSPHRASE_SIZE) else { return nil }
    let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
    data.initialize(to: crypt_data())
    defer { data.deallocate() }
    return String(value).withCString { setting in
        (password + [0]).withUnsafeBytes { phrase -> [UInt8]? in
            guard let phrase = phrase.baseAddress?.assumingMemoryBound(to: CChar.self),
                let result = crypt_rn(phrase, setting, data, CInt(MemoryLayout<crypt_data>.size))
            else { return nil }
            return Array(String(cString: result).utf8)
        }
    }
}
