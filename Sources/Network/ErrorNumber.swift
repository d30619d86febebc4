import NIOCore

/// The `errno` of a failed call, when the error came from one.
package func errorNumber(_ error: any Error) -> CInt? {
    (error as? IOError)?.errnoCode
}
