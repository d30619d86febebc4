import CIDN
import Glibc

/// Bytes of a password that is looked at; what is longer is taken as it is.
private let preparationLimit = 1_024

/// RFC 4013 SASLprep of a password: one form for what different keyboards and systems send for the same characters. Nil where there is
/// none: not UTF-8, a character that it prohibits (control characters, …) or that is unassigned in Unicode 3.2 (RFC 5802 §2.2 treats
/// passwords as stored strings), directions that mix, or nothing left.
package func prepared(_ password: [UInt8]) -> [UInt8]? {
    guard !password.isEmpty else { return nil }
    // Printable ASCII is its own form.
    if password.allSatisfy({ (0x20...0x7E).contains($0) }) { return password }
    guard password.count <= preparationLimit, !password.contains(0), let text = String(validating: password, as: UTF8.self) else {
        return nil
    }
    var output: UnsafeMutablePointer<CChar>?
    defer { free(output) }
    guard stringprep_profile(text, &output, "SASLprep", STRINGPREP_NO_UNASSIGNED) == CInt(STRINGPREP_OK.rawValue), let output else {
        return nil
    }
    let length = strlen(output)
    return length == 0 ? nil : Array(UnsafeRawBufferPointer(start: output, count: length))
}

/// What verifiers are made from: the prepared password, or the bytes themselves where SASLprep has no form for them, as PostgreSQL does.
package func normal(_ password: [UInt8]) -> [UInt8] { prepared(password) ?? password }

/// What a shown password may be the same as, the prepared form first. Verifiers that were made of unprepared bytes stay good.
package func spellings(_ password: [UInt8]) -> [[UInt8]] {
    let first = normal(password)
    return first == password ? [password] : [first, password]
}
