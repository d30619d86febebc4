import Glibc
import NIOCore

/// The `errno` of a failed call, when the error came from one.
package func errorNumber(_ error: any Error) -> CInt? {
    (error as? IOError)?.errnoCode
}

/// `Connection refused`.
func systemWords(_ number: CInt) -> String {
    var text = [CChar](repeating: 0, count: 256)
    // Glibc's own strerror_r, or POSIX's: both leave the words reachable.
    guard strerror_r(number, &text, text.count) == 0 else { return "error \(number)" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
