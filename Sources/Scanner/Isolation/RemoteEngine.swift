import CSeccomp
import Dispatch
import Filter
import Glibc
import Synchronization

/// An engine in a process of its own, with a lane for each scan at a time. What is stuck there is killed, what crashes takes the other
/// scans with it: they are tried again.
final class RemoteEngine: ScanEngine {
    /// Time that an answer needs from here to whom it is for, before the inspection's own deadline.
    private static let margin = 300
    /// ClamAV's own databases take seconds on a slow disk.
    private static let loadSeconds = 600

    private struct State: Sendable {
        var free: [Channel]
        var isDead = false
        /// By us, so that no message is to blame.
        var isKilled = false
    }

    private let child: ChildProcess
    private let control: Channel
    private let greeting: ChildMessage.Greeting
    private let state: Mutex<State>
    let settings: ScanSettings

    /// Starts the process, and waits until it has loaded what `configuration` says.
    init(
        _ configuration: Signatures.Configuration, withViruses: Bool, executable: String, lanes: Int, folder: String,
        log: @escaping @Sendable (String) -> Void
    ) throws(EngineFailure) {
        func failure(_ what: String) -> EngineFailure {
            EngineFailure(reason: .isolation, path: executable, detail: "\(what): \(String(cString: strerror(errno)))")
        }
        settings = configuration.settings
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw failure("mkdir") }
        var ours: [Channel] = []
        var theirs: [Channel] = []
        for _ in 0...lanes {
            guard let (one, other) = Channel.pair() else { throw failure("socketpair") }
            ours.append(one)
            theirs.append(other)
        }
        child = try ChildProcess(
            executable: executable, arguments: ["buzon", ScannerChild.command, "\(lanes)"], descriptors: theirs.map(\.descriptor),
            folder: folder)
        control = ours[0]
        state = Mutex(State(free: Array(ours.dropFirst())))
        theirs = []
        var inner = configuration
        inner.settings.temporaryDirectory = folder
        do {
            try control.send(ChildMessage.encode(inner, withViruses: withViruses))
            greeting = try Self.greeting(control, log)
        } catch {
            child.kill()
            throw error as? EngineFailure ?? EngineFailure(reason: .isolation, path: executable, detail: "\(error)")
        }
        // Its messages, until it ends.
        _ = startThread { [control, child] in
            while let (bytes, descriptor) = try? control.receive() {
                if descriptor >= 0 { close(descriptor) }
                if case .line(let line)? = ChildMessage.report(bytes) { log(line) }
            }
            child.kill()
        }
    }

    deinit {
        // The thread above holds the channel: this ends its wait.
        shutdown(control.descriptor, CInt(SHUT_RDWR))
        child.kill()
    }

    private static func greeting(_ control: Channel, _ log: (String) -> Void) throws -> ChildMessage.Greeting {
        let deadline = DispatchTime.now() + .seconds(loadSeconds)
        while true {
            switch ChildMessage.report(try control.receive(until: deadline).bytes) {
            case .line(let line): log(line)
            case .ready(let greeting): return greeting
            case .failed(let failure): throw failure
            case nil: throw Channel.Failure.closed
            }
        }
    }

    var pid: pid_t { child.pid }
    var hasLandlock: Bool { greeting.hasLandlock }
    var version: SignatureVersion { SignatureVersion(text: greeting.version) }
    var count: Int { greeting.count }
    var failures: [EngineFailure] { greeting.failures }
    var bytes: Int? { greeting.bytes }
    var isDead: Bool { child.hasEnded || state.withLock { $0.isDead } }

    func examine(_ content: any InspectedContent, _ order: InspectionOrder, until deadline: DispatchTime) -> Examination {
        let end = deadline - .milliseconds(Self.margin)
        guard let lane = lane(until: end) else { return isDead ? .interrupted : .done(Inspection(virus: .unavailable("scan.busy"))) }
        do {
            let file = try Self.memoryFile(content)
            defer { close(file) }
            try lane.send(ChildMessage.encode(order, count: content.count, milliseconds: end.millisecondsLeft), descriptor: file)
            let (bytes, descriptor) = try lane.receive(until: end)
            if descriptor >= 0 { close(descriptor) }
            let inspection = try ChildMessage.inspection(bytes, order)
            state.withLock { $0.free.append(lane) }
            return .done(inspection)
        } catch is ContentFailure {
            state.withLock { $0.free.append(lane) }
            return .done(Inspection(virus: .unavailable("scan.failed")))
        } catch Channel.Failure.late {
            state.withLock { state in
                state.isDead = true
                state.isKilled = true
            }
            child.kill()
            return .done(Inspection(virus: order.virus ? .clean : .notAsked, limits: ["time"]))
        } catch {
            let isKilled = state.withLock { state in
                state.isDead = true
                return state.isKilled
            }
            child.kill()
            return isKilled ? .interrupted : .died
        }
    }

    private func lane(until deadline: DispatchTime) -> Channel? {
        while true {
            let (lane, isDead) = state.withLock { ($0.isDead ? nil : $0.free.popLast(), $0.isDead) }
            if lane != nil || isDead || DispatchTime.now() >= deadline { return lane }
            // More threads than lanes: some of the pool's were given up a moment ago.
            usleep(2_000)
        }
    }

    private struct ContentFailure: Error {}

    /// The other process may map it, and finds nothing behind it.
    private static func memoryFile(_ content: any InspectedContent) throws(ContentFailure) -> CInt {
        let file = buzon_memory_file("message")
        guard file >= 0 else { throw ContentFailure() }
        var isWhole = false
        try? content.withBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = write(file, bytes.baseAddress?.advanced(by: written), bytes.count - written)
                guard count > 0 else { return }
                written += count
            }
            isWhole = true
        }
        guard isWhole else {
            close(file)
            throw ContentFailure()
        }
        return file
    }
}

extension DispatchTime {
    var millisecondsLeft: Int {
        let now = DispatchTime.now()
        return now < self ? Int(clamping: (uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000) : 0
    }
}
