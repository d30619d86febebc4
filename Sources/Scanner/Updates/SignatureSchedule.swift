/// When a source is to be asked again.
package struct SignatureSchedule: Sendable, Hashable {
    private static let day: Int64 = 86_400
    /// After each failure in a row, in seconds; never longer than from one check to the next.
    private static let steps: [Int64] = [5, 15, 60, 180, 360, 720].map { $0 * 60 }
    /// freshclam's own after a 403 is 24 hours.
    static let refusalRest: Int64 = 86_400
    private static let longestRest: Int64 = 7 * 86_400

    /// 0: never.
    package var checksADay: Int

    package init(checksADay: Int) { self.checksADay = checksADay }

    /// Seconds since 1970, `now` or earlier where it is due; nil: never. Not all installations ask at once: each check comes up to a tenth
    /// of its distance late.
    package func due(_ source: UpdateState.Source?, settings: String, now: Int64) -> Int64? {
        guard checksADay > 0 else { return nil }
        // Never asked, asked under other settings, or asked by a clock that has been set back since.
        guard let source, source.settings == settings, source.checked <= now else { return now }
        let interval = max(Self.day / Int64(checksADay), 60)
        let distance =
            source.failures == 0 ? interval : min(Self.steps[min(source.failures, Self.steps.count) - 1], interval)
        let spread = Int64(Double(distance) / 10 * min(max(source.spread, 0), 1))
        return max(source.checked + distance + spread, min(source.restUntil, source.checked + Self.longestRest))
    }
}

extension UpdateSettings {
    /// When a source is asked next; nil: never.
    package func next(_ source: UpdateSource, _ state: UpdateState, now: Int64) -> Int64? {
        SignatureSchedule(checksADay: checksADay).due(state.sources[source.name], settings: fingerprint(source), now: now)
    }
}
