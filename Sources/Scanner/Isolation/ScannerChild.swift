import CSeccomp
import Dispatch
import Filter
import Glibc
import Synchronization

/// The scanner's process: started with descriptors for control (3) and for each lane (from 4 on), shut in before the first message
/// arrives, gone when the server is.
package enum ScannerChild {
    /// The command that starts it; hidden, since only the server does.
    package static let command = "scan-child"
    /// Address space beside what the engine takes, apart from what the limits of a scan let it unpack.
    private static let space = 1 << 30

    /// Ends all there are: this process is about to become another one.
    package static func endAll() { ChildProcess.endAll() }

    /// Never returns. `matcher` is the server's own.
    package static func main(lanes: Int, matcher: @escaping NameMatcher) -> Never {
        guard (1...1_000).contains(lanes) else { exit(2) }
        buzon_close_from(UInt32(4 + lanes))
        let control = Reporter(Channel(3))
        guard let request = try? control.channel.receive(),
            let (configuration, withViruses) = try? ChildMessage.configuration(request)
        else { exit(2) }
        LibraryLog.send { control.send(.line($0)) }
        do throws(EngineFailure) {
            let engine = try Signatures.local(configuration, withViruses, matcher) { control.send(.line($0)) }
            let limits = configuration.settings.limits
            let bytes = MemoryGauge.system.resident()
            let memory = MemoryGauge.size() + space + lanes * (2 * limits.fileSize + limits.totalSize)
            let hasLandlock: Bool
            do {
                hasLandlock = try Sandbox.enter(folder: configuration.settings.temporaryDirectory, memory: memory)
            } catch {
                throw EngineFailure(reason: .isolation, path: "", detail: "\(error)")
            }
            for lane in 0..<lanes {
                let channel = Channel(CInt(4 + lane))
                guard startThread({ serve(channel, engine) }) else {
                    throw EngineFailure(reason: .isolation, path: "", detail: "pthread_create")
                }
            }
            control.send(
                .ready(
                    ChildMessage.Greeting(
                        version: engine.version.text, count: engine.count, failures: engine.failures,
                        bytes: bytes, hasLandlock: hasLandlock)))
        } catch {
            control.send(.failed(error))
            exit(1)
        }
        // Nothing more is said to it: this ends with the server.
        while (try? control.channel.receive()) != nil {}
        _exit(0)
    }

    private static func serve(_ channel: Channel, _ engine: any ScanEngine) {
        while let (request, file) = try? channel.receiveWithDescriptor() {
            defer { if file >= 0 { close(file) } }
            guard let (order, count, milliseconds) = try? ChildMessage.order(request), file >= 0 else { return }
            let content = MappedContent(descriptor: file, count: count)
            let examination = engine.examine(content, order, until: .now() + .milliseconds(milliseconds))
            guard case .done(let inspection) = examination,
                (try? channel.send(ChildMessage.encode(inspection, order))) != nil
            else { return }
        }
    }

    /// Several threads report.
    private final class Reporter: Sendable {
        let channel: Channel
        private let turn = Mutex(())

        init(_ channel: Channel) { self.channel = channel }

        func send(_ report: ChildMessage.Report) { turn.withLock { _ in try? channel.send(report.encoded()) } }
    }

    private struct MappedContent: InspectedContent {
        struct Failure: Error {}

        var descriptor: CInt
        var count: Int
        /// Known to the server, and asked by nobody here.
        var digest: [UInt8] { [] }

        func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
            var status = stat()
            guard fstat(descriptor, &status) == 0, Int(status.st_size) >= count else { throw Failure() }
            guard count > 0 else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
            guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else { throw Failure() }
            defer { munmap(address, count) }
            return try body(UnsafeRawBufferPointer(start: address, count: count))
        }
    }
}
