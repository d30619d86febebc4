import Glibc

/// The EICAR test file's signature, so that a server without any other can prove itself. As hexadecimal digits, in which no scanner
/// recognises it: this executable is not to be taken for a virus.
enum EmbeddedSignature {
    static let name = "Eicar-Test-Signature"

    private static let digits =
        "58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e444152442d414e544956495255532d544553542d"
        + "46494c452124482b482a"

    /// The test file itself, 68 bytes.
    static var testFile: [UInt8] {
        let digits = Array(digits.utf8)
        return stride(from: 0, to: digits.count, by: 2).map { index in
            UInt8(Self.value(digits[index]) << 4 | Self.value(digits[index + 1]))
        }
    }

    private static func value(_ digit: UInt8) -> UInt8 { digit < 0x3a ? digit - 0x30 : digit - 0x57 }

    /// As databases by the ending of their file's name: at a file's begin whatever follows, and the exact file.
    static let databases: [(ending: String, text: String)] = [
        ("ndb", "\(name):0:0:\(digits)\n"),
        ("hdb", "44d88612fea8a8f36de82e1278abb02f:68:\(name)\n"),
    ]
}
