/// One run: everything that is asked of some sources, one after the other.
package struct SignatureUpdate: Sendable {
    /// How long and how much.
    package struct Limits: Sendable, Hashable {
        package var connectSeconds: UInt32 = 30
        /// Without a byte.
        package var silentSeconds: UInt32 = 60
        /// libfreshclam waits five seconds between two of them.
        package var attempts: UInt32 = 2
        /// For one source.
        package var time = Duration.seconds(3_600)
        /// That one connection may bring. ClamAV's largest database is under 200 MiB.
        package var bytes: Int64 = 512 << 20
        /// For the library to notice that its connections are gone.
        package var grace = Duration.seconds(60)

        package init() {}
    }

    package var directory: SignatureDirectory
    package var settings: UpdateSettings
    package var limits: Limits
    package var clock: UpdateClock

    package init(
        directory: SignatureDirectory, settings: UpdateSettings, limits: Limits = Limits(), clock: UpdateClock = .system
    ) {
        self.directory = directory
        self.settings = settings
        self.limits = limits
        self.clock = clock
    }

    /// Runs of this process that were given up and have not ended.
    package static var stuckRuns: Int { UpdateGate.stuckRuns }

    /// Asks those of `sources` that don't want to be left alone, and puts down what came of it. Throws what hinders all of it.
    package func run(_ sources: [UpdateSource]) async throws(UpdateFailure) -> UpdateReport {
        guard Engine.isLibraryReady else { throw UpdateFailure(.system, "cl_init") }
        try directory.create()
        let gate = try UpdateGate.take(directory)
        directory.sweep()
        var state = UpdateState(directory: directory.path)
        var report = UpdateReport()
        forgetOthers(&state, &report)
        for (number, source) in sources.enumerated() {
            let now = clock.now()
            if let known = state.sources[source.name], known.restUntil > now, known.settings == settings.fingerprint(source),
                let failure = known.failure
            {
                report.entries += run(source, "").entries(failure)
                continue
            }
            let entries = await ask(source, number, gate)
            report.entries += entries
            if entries.contains(where: { $0.outcome.failure?.kind == .cancelled }) { break }
            state.note(source, entries, settings, now: clock.now(), spread: clock.spread())
            // As it goes: a run that is killed is not begun again at once.
            try state.write(directory: directory.path)
            if Task.isCancelled || UpdateGate.stuckRuns > 0 { break }
        }
        if sources.isEmpty { try state.write(directory: directory.path) }
        if UpdateGate.stuckRuns == 0 { directory.sweep() }
        return report
    }

    private func run(_ source: UpdateSource, _ temporary: String) -> FreshclamRun {
        FreshclamRun(source: source, settings: settings, limits: limits, directory: directory, temporary: temporary)
    }

    private func ask(_ source: UpdateSource, _ number: Int, _ gate: UpdateGate) async -> [UpdateReport.Entry] {
        let temporary: String
        do throws(UpdateFailure) {
            temporary = try directory.makeTemporary(number)
        } catch {
            return run(source, "").entries(error)
        }
        let run = run(source, temporary)
        let end = await IsolatedThread.run(
            .init(time: limits.time, bytes: limits.bytes, grace: limits.grace), whenOver: { withExtendedLifetime(gate) {} }
        ) { run.run() }
        switch end {
        case .done(let entries, cut: nil): return entries
        // What was finished before counts.
        case .done(let entries, cut: let cut?):
            return entries.map { entry in
                var entry = entry
                if entry.outcome.failure != nil { entry.outcome = .failed(UpdateFailure(cut)) }
                return entry
            }
        case .stuck(let cut):
            gate.noteStuck()
            return run.entries(UpdateFailure(cut == .cancelled ? .cancelled : .stuck))
        case .impossible(let words): return run.entries(UpdateFailure(.system, words))
        }
    }

    /// Databases whose URL is no longer in the settings go with it; nobody else's are touched.
    private func forgetOthers(_ state: inout UpdateState, _ report: inout UpdateReport) {
        // A URL that was mistyped is not one that was taken out.
        guard !settings.problems.contains(where: { $0.kind == .badURL }) else { return }
        let names = Set(settings.urls.map { UpdateSource.url($0).name } + [UpdateSource.mirror.name])
        let kept = Set(settings.urls.map(\.file))
        for (name, source) in state.sources where !names.contains(name) {
            for file in source.files where !kept.contains(file) && directory.remove(file) { report.removed.append(file) }
            state.sources[name] = nil
        }
        guard !report.removed.isEmpty else { return }
        state.changes += 1
        state.changed = clock.now()
    }
}

extension UpdateFailure {
    fileprivate init(_ cut: IsolatedThread.Cut) {
        switch cut {
        case .overtime: self.init(Kind.overtime)
        case .tooMuch: self.init(Kind.tooLarge)
        case .cancelled: self.init(Kind.cancelled)
        }
    }
}
