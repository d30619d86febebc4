import Glibc

/// Runs blocking work on a thread made for it, so that a test which waits for a server never holds one of the
/// few cooperative threads that the server itself may need.
package func onOwnThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let task = Unmanaged.passRetained(ThreadWork { continuation.resume(with: Result(catching: work)) })
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, task.toOpaque())
        if status == 0 {
            pthread_detach(thread)
        } else {
            task.release()
            continuation.resume(throwing: ClientError(.unreachable("no thread: " + String(cString: strerror(status))), transcript: ""))
        }
    }
}

private final class ThreadWork: Sendable {
    let run: @Sendable () -> Void

    init(run: @escaping @Sendable () -> Void) { self.run = run }
}
