package import Archives
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
        package var names: NameWalk.Limits
        /// Scans at a time in a process of their own, as many as the inspector has threads; nil: in this process.
        package var lanes: Int?

        package init(
            source: SignatureSource?, settings: ScanSettings, names: NameWalk.Limits = NameWalk.Limits(), lanes: Int? = nil
        ) {
            self.source = source
            self.settings = settings
            self.names = names
            self.lanes = lanes
        }
    }

    /// What an engine is loaded for.
    private struct Wish: Sendable, Equatable {
        var configuration: Configuration
        var isEnabled: Bool
        var version: SignatureVersion?
    }

    private struct Attempt: Sendable {
        var wish: Wish
        /// When the same is tried again; nil: never, since it would come to the same.
        var notBefore: DispatchTime?
    }

    private struct State: Sendable {
        var configuration: Configuration
        var isEnabled = false
        var engine: (any ScanEngine)?
        var loaded: Wish?
        /// What tells verdicts of `engine` from those of another: of scans, and of names alone. Asked for with each message.
        var identities: (virus: String?, names: String)?
        /// The last one, good or not.
        var attempt: Attempt?
        /// Attempts in a row that failed for what may be over the next time.
        var failed = 0
        /// Signatures of the engine that went to make room for the next one.
        var countBefore = 0
        /// The engine that is wanted is about to be loaded: scans wait for it.
        var isGap = false
        var waiting: [DispatchSemaphore] = []
        var failures: [EngineFailure] = []
        var cost = 0
        var losses = Backoff()

        var knowsViruses: Bool { engine != nil && loaded?.isEnabled == true }
    }

    typealias Loader = @Sendable (Configuration, _ withViruses: Bool) throws(EngineFailure) -> any ScanEngine

    /// What is left free beside a second engine.
    private let reserve: Int
    private let memory: MemoryGauge
    private let loader: Loader
    private let onLoad: @Sendable (Status) -> Void
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "buzon.signatures", qos: .utility)

    /// `onLoad` is called after each attempt, on the loader's thread.
    init(
        _ configuration: Configuration, reserve: Int = 256 << 20, memory: MemoryGauge = .system, loader: @escaping Loader,
        onLoad: @escaping @Sendable (Status) -> Void = { _ in }
    ) {
        self.reserve = reserve
        self.memory = memory
        self.loader = loader
        self.onLoad = onLoad
        state = Mutex(State(configuration: configuration))
        TemporaryFiles.sweep(configuration.settings.temporaryDirectory)
        check()
    }

    package var isEnabled: Bool { state.withLock { $0.isEnabled } }

    package var status: Status {
        state.withLock { state in
            let isReady = state.knowsViruses
            return Status(
                phase: !state.isEnabled ? .off : isReady ? .ready : .loading, version: isReady ? state.engine?.version.text ?? "" : "",
                count: isReady ? state.engine?.count ?? 0 : 0, failures: state.failures, bytes: state.cost)
        }
    }

    /// Begins to load, or lets the engine go with all its memory. Scans that are asked for from now on wait for the load.
    package func setEnabled(_ isEnabled: Bool) {
        let waiting = state.withLock { state -> [DispatchSemaphore] in
            state.isEnabled = isEnabled
            if isEnabled, !state.knowsViruses { state.isGap = true }
            // Who waits for what nobody loads any more need not.
            defer { if !isEnabled { state.waiting = [] } }
            return isEnabled ? [] : state.waiting
        }
        for bell in waiting { bell.signal() }
        check()
    }

    /// Other signatures, limits or switches from now on.
    package func apply(_ configuration: Configuration) {
        state.withLock { $0.configuration = configuration }
        check()
    }

    /// Asks whether something changed, and loads in the background if so. A few `stat` calls.
    package func check() { queue.async { [weak self] in self?.update() } }

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
    func identity(virus: Bool) -> String? {
        state.withLock { state in
            guard state.engine != nil else { return nil }
            return virus ? state.identities?.virus : state.identities?.names
        }
    }

    /// The engine to scan with, one that knows viruses where `virus` is asked for. Blocks during a gap, at most until the deadline; nil:
    /// none is there.
    func engine(virus: Bool, until deadline: DispatchTime) -> (any ScanEngine)? {
        while true {
            let bell = DispatchSemaphore(value: 0)
            let (engine, waits) = state.withLock { state -> ((any ScanEngine)?, Bool) in
                guard !virus || state.isEnabled else { return (nil, false) }
                let engine = !virus || state.knowsViruses ? state.engine : nil
                let waits = engine == nil && state.isGap
                if waits { state.waiting.append(bell) }
                return (engine, waits)
            }
            guard waits else { return engine }
            if bell.wait(timeout: deadline) == .timedOut { return nil }
        }
    }

    /// An engine died: another one is loaded, soon at first, later when that happens often.
    func lost(_ engine: any ScanEngine) {
        let pause = state.withLock { state -> Int? in
            guard state.engine === engine else { return nil }
            state.engine = nil
            state.isGap = true
            let pause = state.losses.next(now: time(nil))
            state.attempt?.notBefore = .now() + .milliseconds(pause)
            return pause
        }
        if let pause { update(in: pause) }
    }

    private func update(in milliseconds: Int) {
        queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in self?.update() }
    }

    /// On the queue.
    private func update() {
        let (configuration, isEnabled, attempt) = state.withLock { ($0.configuration, $0.isEnabled, $0.attempt) }
        let version = isEnabled ? configuration.source?.version() : nil
        let wish = Wish(configuration: configuration, isEnabled: isEnabled, version: version)
        if let attempt, attempt.wish == wish, attempt.notBefore.map({ DispatchTime.now() < $0 }) ?? true {
            // It was tried, and nothing else comes.
            if attempt.notBefore == nil { endGap() }
            return
        }
        load(wish)
    }

    private func load(_ wish: Wish) {
        let (isReplaced, cost) = state.withLock { ($0.knowsViruses, $0.cost) }
        if isReplaced, !wish.isEnabled || memory.available() < cost + reserve { takeEngine().waitForScans() }
        if wish.isEnabled { state.withLock { $0.isGap = !$0.knowsViruses } }
        mkdir(wish.configuration.settings.temporaryDirectory, 0o700)
        let before = memory.resident()
        let result = Result<any ScanEngine, EngineFailure> { () throws(EngineFailure) in try loader(wish.configuration, wish.isEnabled) }
        malloc_trim(0)
        finish(result, wish, grown: max(0, memory.resident() - before))
        malloc_trim(0)
        onLoad(status)
    }

    private func finish(_ result: Result<any ScanEngine, EngineFailure>, _ wish: Wish, grown: Int) {
        let (old, waiting, pause) = state.withLock { state -> ((any ScanEngine)?, [DispatchSemaphore], Int?) in
            // What was switched on meanwhile is still to come.
            state.isGap = state.isEnabled && !wish.isEnabled
            let old = state.engine
            var mayHelp = false
            switch result {
            case .success(let engine):
                state.failures = engine.failures
                let isLoss = isLoss(engine, wish, state)
                // In a gap there is nothing to keep. Once more, then some are better than none.
                mayHelp = isLoss && old == nil && state.failed == 0
                if old == nil ? !mayHelp : !isLoss {
                    // Memory that was free already is not seen growing.
                    state.cost = !wish.isEnabled ? 0 : engine.bytes ?? max(grown, state.cost)
                    state.engine = engine
                    state.loaded = wish
                    let names = "\(wish.configuration.names.hashValue)"
                    state.identities = (wish.isEnabled ? "\(engine.version.text) \(engine.settings.hashValue) \(names)" : nil, names)
                }
            case .failure(let failure):
                state.failures = [failure]
                mayHelp = failure.mayPass
            }
            state.failed = mayHelp ? state.failed + 1 : 0
            let pause = mayHelp ? Self.pause(failed: state.failed, hasEngine: old != nil) : nil
            state.attempt = Attempt(wish: wish, notBefore: pause.map { .now() + .milliseconds($0) })
            defer { state.waiting = [] }
            return (old, state.waiting, pause)
        }
        _ = consume old
        for bell in waiting { bell.signal() }
        if let pause { update(in: pause) }
    }

    private func endGap() {
        let waiting = state.withLock { state -> [DispatchSemaphore] in
            state.isGap = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for bell in waiting { bell.signal() }
    }

    /// A reload that finds less for a reason: a mirror that is being written, a disk that is away. What is good stays.
    private func isLoss(_ engine: any ScanEngine, _ wish: Wish, _ state: State) -> Bool {
        !engine.failures.isEmpty && engine.count < (state.engine?.count ?? state.countBefore)
            && state.loaded?.configuration == wish.configuration && state.loaded?.isEnabled == wish.isEnabled
    }

    /// Milliseconds until what failed is tried again: soon while there is nothing, seldom while there is something.
    private static func pause(failed: Int, hasEngine: Bool) -> Int { hasEngine ? 600_000 : min(60_000, 1_000 << min(failed - 1, 10)) }

    private func takeEngine() -> Remainder {
        state.withLock { state in
            let rest = Remainder(state.engine)
            state.countBefore = state.engine?.count ?? 0
            state.engine = nil
            state.isGap = true
            return rest
        }
    }
}

/// An engine that only the scans under way still hold.
private struct Remainder {
    private weak var engine: (any ScanEngine)?
    private let seconds: Int

    init(_ engine: (any ScanEngine)?) {
        self.engine = engine
        seconds = engine?.settings.limits.seconds ?? 0
    }

    /// Until the last of them has ended, so that its memory is free; not for ever.
    func waitForScans() {
        for _ in 0..<seconds * 100 where engine != nil { usleep(10_000) }
        malloc_trim(0)
    }
}

/// Pauses that double while losses follow one another, up to a minute.
struct Backoff: Sendable {
    private var last = 0
    private var step = 0

    /// Milliseconds to wait after a loss.
    mutating func next(now: Int) -> Int {
        step = now - last > 600 ? 0 : min(step + 1, 10)
        last = now
        return step == 0 ? 0 : min(60_000, 50 << step)
    }
}
