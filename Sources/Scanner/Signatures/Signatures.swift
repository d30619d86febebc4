import CClamAV
import Dispatch
import Glibc
import Synchronization

/// Today's engine. Loads it in the background, and a new one when the databases have changed: beside the old one where memory allows,
/// else after it, with a gap in which scans wait.
package final class Signatures: Sendable {
    package struct Configuration: Sendable, Hashable {
        /// Nil: only the embedded signature.
        package var source: SignatureSource?
        package var settings: ScanSettings

        package init(source: SignatureSource?, settings: ScanSettings) {
            self.source = source
            self.settings = settings
        }
    }

    package struct Status: Sendable, Equatable {
        package enum Phase: Sendable { case off, loading, ready }

        package var phase: Phase
        package var version: String
        package var count: Int
        /// Why it is not all that was asked for, or why the last attempt failed.
        package var failures: [EngineFailure]
        /// Memory that the engine took when it was loaded.
        package var bytes: Int
    }

    private struct State: Sendable {
        var wanted: Configuration
        var isEnabled = false
        var engine: Engine?
        /// What `engine` was loaded for; nil after a failure, so that it is tried again when something changes.
        var loaded: (configuration: Configuration, version: SignatureVersion?)?
        /// The last attempt, good or not: the same is not tried twice.
        var tried: (configuration: Configuration, version: SignatureVersion?)?
        var isGap = false
        var waiting: [DispatchSemaphore] = []
        var failures: [EngineFailure] = []
        var cost = 0
    }

    /// What is left free beside a second engine.
    private let reserve: Int
    private let memory: MemoryGauge
    private let onLoad: @Sendable (Status) -> Void
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "buzon.signatures", qos: .utility)

    /// `onLoad` is called after each attempt, on the loader's thread.
    package convenience init(_ configuration: Configuration, reserve: Int = 256 << 20, onLoad: @escaping @Sendable (Status) -> Void = { _ in }) {
        self.init(configuration, reserve: reserve, memory: .system, onLoad: onLoad)
    }

    init(_ configuration: Configuration, reserve: Int, memory: MemoryGauge, onLoad: @escaping @Sendable (Status) -> Void = { _ in }) {
        self.reserve = reserve
        self.memory = memory
        self.onLoad = onLoad
        state = Mutex(State(wanted: configuration))
        TemporaryFiles.sweep(configuration.settings.temporaryDirectory)
    }

    package var status: Status {
        state.withLock { state in
            Status(
                phase: !state.isEnabled ? .off : state.engine == nil ? .loading : .ready, version: state.engine?.version.text ?? "",
                count: state.engine?.count ?? 0, failures: state.failures, bytes: state.cost)
        }
    }

    /// Begins to load, or lets the engine go with all its memory. The first scan may find none yet.
    package func setEnabled(_ isEnabled: Bool) {
        state.withLock { $0.isEnabled = isEnabled }
        check()
    }

    /// Other signatures, limits or switches from now on.
    package func apply(_ configuration: Configuration) {
        state.withLock { $0.wanted = configuration }
        check()
    }

    /// Asks whether something changed, and loads in the background if so. A few `stat` calls.
    package func check() { queue.async { self.update() } }

    /// Asks every few seconds until the task is cancelled.
    package func run(every interval: Duration = .seconds(5)) async {
        while !Task.isCancelled {
            check()
            try? await Task.sleep(for: interval)
        }
    }

    /// Waits until everything asked for before is done.
    package func settle() async {
        await withCheckedContinuation { continuation in queue.async { continuation.resume() } }
    }

    /// What tells verdicts of one engine from those of another; nil: there is none.
    var identity: String? {
        state.withLock { $0.engine?.identity }
    }

    /// The engine to scan with. Blocks during a gap, at most until the deadline; nil: none is there.
    func engine(until deadline: DispatchTime) -> Engine? {
        while true {
            let bell = DispatchSemaphore(value: 0)
            let (engine, waits) = state.withLock { state -> (Engine?, Bool) in
                if state.engine == nil, state.isGap { state.waiting.append(bell) }
                return (state.engine, state.engine == nil && state.isGap)
            }
            guard waits else { return engine }
            if bell.wait(timeout: deadline) == .timedOut { return nil }
        }
    }

    /// On the queue.
    private func update() {
        let (wanted, isEnabled, tried, hasEngine) = state.withLock { ($0.wanted, $0.isEnabled, $0.tried, $0.engine != nil) }
        guard isEnabled else {
            if hasEngine || tried != nil { unload() }
            return
        }
        let version = wanted.source?.version()
        if let tried, tried.configuration == wanted, tried.version == version { return }
        load(wanted, version)
    }

    private func unload() {
        let (rest, waiting) = take { state in
            state.tried = nil
            state.loaded = nil
            state.failures = []
            state.cost = 0
        }
        rest.waitForScans()
        for bell in waiting { bell.signal() }
    }

    private func load(_ wanted: Configuration, _ version: SignatureVersion?) {
        let (hasOld, cost) = state.withLock { ($0.engine != nil, $0.cost) }
        if hasOld, memory.available() < cost + reserve { take { $0.isGap = true }.rest.waitForScans() }
        mkdir(wanted.settings.temporaryDirectory, 0o700)
        let before = memory.resident()
        let result = Result<Engine, EngineFailure> { () throws(EngineFailure) in try Engine.load(wanted.source, wanted.settings) }
        let grown = max(0, memory.resident() - before)
        finish(result, wanted, version, grown)
        malloc_trim(0)
        onLoad(status)
    }

    private func finish(_ result: Result<Engine, EngineFailure>, _ wanted: Configuration, _ version: SignatureVersion?, _ grown: Int) {
        let (old, waiting) = state.withLock { state -> (Engine?, [DispatchSemaphore]) in
            state.tried = (wanted, version)
            state.isGap = false
            let old = state.engine
            switch result {
            case .success(let engine):
                state.failures = engine.failures
                // A reload that finds nothing leaves what is good: a mirror that is being written, a disk that is away.
                let isLoss = old != nil && !engine.failures.isEmpty && engine.count < (old?.count ?? 0) && state.loaded?.configuration == wanted
                if !isLoss, state.isEnabled {
                    state.engine = engine
                    state.loaded = (wanted, version)
                    // Memory that was free already is not seen growing.
                    state.cost = max(grown, state.cost)
                }
            case .failure(let failure): state.failures = [failure]
            }
            defer { state.waiting = [] }
            return (old, state.waiting)
        }
        _ = consume old
        for bell in waiting { bell.signal() }
    }

    private func take(_ change: (inout State) -> Void) -> (rest: Remainder, waiting: [DispatchSemaphore]) {
        state.withLock { state in
            let rest = Remainder(state.engine)
            state.engine = nil
            change(&state)
            guard !state.isGap else { return (rest, []) }
            defer { state.waiting = [] }
            return (rest, state.waiting)
        }
    }
}

/// An engine that only the scans under way still hold.
private struct Remainder {
    private weak var engine: Engine?
    private let seconds: Int

    init(_ engine: Engine?) {
        self.engine = engine
        seconds = engine?.settings.limits.seconds ?? 0
    }

    /// Until the last of them has ended, so that its memory is free; not for ever.
    func waitForScans() {
        for _ in 0..<seconds * 100 where engine != nil { usleep(10_000) }
        malloc_trim(0)
    }
}
