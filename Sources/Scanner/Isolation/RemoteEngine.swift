import CSeccomp
import Dispatch
import Filter
import Glibc
import Synchronization

/// An engine in a process of its own, with a lane for each scan at a time. What is stuck there is killed, what crashes takes the other
/// scans with it: they are tried again.
final class RemoteEngine: ScanEngine {
    /// By which this is earlier than what the pool does for itself.
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
            try control.send(ChildMessage.encode(inner, withViruses: withViruses), until: .now() + .seconds(Self.loadSeconds))
            greeting = try Self.greeting(control, log)
        } catch {
            child.kill()
            throw error as? EngineFailure ?? EngineFailure(reason: .isolation, path: executable, detail: "\(error)")
        }
        // Its messages, until it ends.
        _ = startThread { [control, child] in
            while let bytes = try? control.receive() {
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
            switch ChildMessage.report(try control.receive(until: deadline)) {
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
        if isDead { return .interrupted }
        // The sender has his answer at the deadline; the child is killed when its thread would count as lost.
        let end = deadline + .seconds(ScanLimits.grace(seconds: settings.limits.seconds)) - .milliseconds(Self.margin)
        guard let lane = lane(until: deadline - .milliseconds(Self.margin)) else {
            return isDead ? .interrupted : .done(Inspection(virus: .unavailable("scan.busy")))
        }
        var isHandedOver = false
        do {
            let file = try Self.memoryFile(content)
            defer { close(file) }
            let request = ChildMessage.encode(order, count: content.count, milliseconds: deadline.millisecondsLeft)
            try lane.send(request, descriptor: file, until: end)
            isHandedOver = true
            let inspection = try ChildMessage.inspection(try lane.receive(until: end), order)
            state.withLock { $0.free.append(lane) }
            return .done(inspection)
        } catch is ContentFailure {
            state.withLock { $0.free.append(lane) }
            return .done(Inspection(virus: .unavailable("scan.failed")))
        } catch Channel.Failure.late {
            give(up: true)
            return .done(Inspection(virus: order.virus ? .clean : .notAsked, limits: ["time"]))
        } catch {
            // Who was killed, by us or for want of memory, has nothing against the messages that it had in hand.
            if give(up: false) || !isHandedOver { return .interrupted }
            if child.hasCrashed() { return .died }
            if child.hasEnded { return .interrupted }
            // It lives and says what is none of its business.
            return give(up: true) ? .interrupted : .died
        }
    }

    /// It is not used any more, and killed where it still lives. Whether it was before.
    @discardableResult private func give(up isAlive: Bool) -> Bool {
        let wasKilled = state.withLock { state -> Bool in
            defer { if isAlive { state.isKilled = true } }
            state.isDead = true
            return state.isKilled
        }
        if isAlive { child.kill() }
        return wasKilled
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
