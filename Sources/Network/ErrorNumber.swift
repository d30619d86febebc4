import Glibc
import NIOCore

/// The `errno` of a failed call, when the error came from one.
package func errorNumber(_ error: any Error) -> CInt? {
    (error as? IOError)?.errnoCode
}

/// `Connection refused`. The C library keeps the words of each thread apart.
func systemWords(_ number: CInt) -> String {
    strerror(number).map { String(cString: $0) } ?? "error \(number)"
}
