import MailTesting
import Synchronization
import Testing

@testable import buzon

@Suite struct ShutdownTests {
    /// A connection that is accepted at the very moment is finished, not forgotten: forgetting one ends the process.
    @Test func stopsWhileConnectionsAreOpened() async throws {
        for _ in 0..<5 {
            try await ServedAppliance.run(stops: false) { served in
                let port = served.port("smtp")
                let isOver = Flag()
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            while !isOver.isSet {
                                if let one = try? LineConnection(host: "127.0.0.1", port: port, timeout: 2) { one.close() }
                                await Task.yield()
                            }
                        }
                    }
                    try? await Task.sleep(for: .milliseconds(100))
                    await served.open.stop()
                    try? await Task.sleep(for: .milliseconds(100))
                    isOver.set()
                }
            }
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}
