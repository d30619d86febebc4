import Synchronization

/// Keeps `signatures/` fresh for as long as the server runs.
package final class SignatureUpdater: Sendable {
    /// How soon a change of the settings, and what another process has fetched, is noticed.
    private static let tick = Duration.seconds(10)
    /// After something that hinders all of a run: another process at work, a directory that can't be written.
    private static let pause: Int64 = 300
    private static let busyPause: Int64 = 60

    private let directory: SignatureDirectory
    private let limits: SignatureUpdate.Limits
    private let clock: UpdateClock
    private let settings: @Sendable () async -> UpdateSettings
    private let report: @Sendable (UpdateNotice) -> Void
    private let updated: @Sendable () async -> Void

    private struct Memory: Sendable {
        /// Kinds of trouble that were told and are not over, by source; "" for what concerns all.
        var told: [String: Set<String>] = [:]
        var pauseUntil: Int64 = 0
        /// Of the state file, as `updated` knows them.
        var changes: Int?
        var hasRun = false
    }

    private let memory = Mutex(Memory())

    /// `settings` is asked every ten seconds. `report` gets each kind of trouble once, and again when it was over in between. `updated` is
    /// called when databases have changed, whoever fetched them: the engine is to be loaded anew.
    package init(
        directory: SignatureDirectory, limits: SignatureUpdate.Limits = .init(), clock: UpdateClock = .system,
        settings: @escaping @Sendable () async -> UpdateSettings, report: @escaping @Sendable (UpdateNotice) -> Void,
        updated: @escaping @Sendable () async -> Void
    ) {
        self.directory = directory
        self.limits = limits
        self.clock = clock
        self.settings = settings
        self.report = report
        self.updated = updated
    }

    /// Until it is cancelled.
    package func run() async {
        while !Task.isCancelled {
            await step()
            do { try await clock.sleep(Self.tick) } catch { return }
        }
    }

    /// Asks the sources that are due.
    func step() async {
        let settings = await settings()
        guard settings.isOwn else { return tellProblems([]) }
        tellProblems(settings.problems)
        var state = UpdateState(directory: directory.path)
        await noticeChanges(state)
        let now = clock.now()
        let due = settings.sources.filter { source in settings.next(source, state, now: now).map { $0 <= now } ?? false }
        let isFirst = memory.withLock { memory in
            defer { memory.hasRun = true }
            return !memory.hasRun
        }
        let hasOthers = state.sources.keys.contains { name in
            name != UpdateSource.mirror.name && !settings.urls.contains { UpdateSource.url($0).name == name }
        }
        // The first run sweeps what a killed one has left, and files of URLs that are gone go at once.
        guard !due.isEmpty || (hasOthers && !settings.problems.contains { $0.kind == .badURL }) || (isFirst && directory.hasLeftovers),
            memory.withLock({ $0.pauseUntil <= now || $0.pauseUntil > now + Self.pause })
        else { return }
        do throws(UpdateFailure) {
            let result = try await SignatureUpdate(directory: directory, settings: settings, limits: limits, clock: clock).run(due)
            tell(result)
            resolve("")
        } catch {
            let pause = error.kind == .busy ? Self.busyPause : Self.pause
            memory.withLock { $0.pauseUntil = now + pause }
            if error.kind != .busy { tell("", error.kind.rawValue, .hindered(error)) }
        }
        state = UpdateState(directory: directory.path)
        await noticeChanges(state)
    }

    private func noticeChanges(_ state: UpdateState) async {
        let isChanged = memory.withLock { memory in
            defer { memory.changes = state.changes }
            return memory.changes.map { $0 != state.changes } ?? false
        }
        if isChanged { await updated() }
    }

    private func tell(_ result: UpdateReport) {
        for source in Set(result.entries.map(\.source)) {
            let entries = result.entries.filter { $0.source == source }
            let failures = entries.compactMap { entry in entry.outcome.failure.map { (entry.file, $0) } }
            for (file, failure) in failures where failure.kind != .cancelled {
                tell(source, failure.kind.rawValue, .failed(source, file, failure))
            }
            if failures.isEmpty, resolve(source) { report(.recovered(source)) }
        }
    }

    private func tell(_ source: String, _ kind: String, _ notice: UpdateNotice) {
        let isNew = memory.withLock { $0.told[source, default: []].insert(kind).inserted }
        if isNew { report(notice) }
    }

    /// Whether there was any trouble.
    @discardableResult
    private func resolve(_ source: String) -> Bool {
        memory.withLock { $0.told.removeValue(forKey: source) != nil }
    }

    private func tellProblems(_ problems: [UpdateFailure]) {
        let key = "settings"
        let new = memory.withLock { memory in
            let known = memory.told[key] ?? []
            memory.told[key] = Set(problems.map(\.description))
            return problems.filter { !known.contains($0.description) }
        }
        for problem in new { report(.hindered(problem)) }
    }
}
