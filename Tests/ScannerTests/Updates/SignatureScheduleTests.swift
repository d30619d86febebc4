import Testing

@testable import Scanner

@Suite struct SignatureScheduleTests {
    private let minute: Int64 = 60
    private let hour: Int64 = 3_600
    private let now: Int64 = 1_800_000_000

    private func source(
        checked: Int64, failures: Int = 0, restUntil: Int64 = 0, spread: Double = 0, settings: String = "a"
    ) -> UpdateState.Source {
        var source = UpdateState.Source()
        source.checked = checked
        source.failures = failures
        source.restUntil = restUntil
        source.spread = spread
        source.settings = settings
        return source
    }

    private func due(_ source: UpdateState.Source?, checks: Int = 12, settings: String = "a") -> Int64? {
        SignatureSchedule(checksADay: checks).due(source, settings: settings, now: now).map { $0 - now }
    }

    @Test func whoWasNeverAskedIsDue() {
        #expect(due(nil) == 0)
        #expect(due(nil, checks: 0) == nil)
        #expect(due(source(checked: now - 90_000), checks: 0) == nil)
    }

    @Test func soManyTimesADay() {
        #expect(due(source(checked: now)) == 2 * hour)
        #expect(due(source(checked: now), checks: 1) == 24 * hour)
        #expect(due(source(checked: now), checks: 50) == 1_728)
        #expect(due(source(checked: now - 3 * hour))! <= 0)
    }

    @Test func installationsDoNotAskAtOnce() {
        #expect(due(source(checked: now, spread: 0.5)) == 2 * hour + 6 * minute)
        #expect(due(source(checked: now, spread: 1)) == 2 * hour + 12 * minute)
        #expect(due(source(checked: now, failures: 1, spread: 1)) == 5 * minute + 30)
        // What a file that somebody wrote may hold.
        #expect(due(source(checked: now, spread: 1e300)) == 2 * hour + 12 * minute)
        #expect(due(source(checked: now, spread: -5)) == 2 * hour)
    }

    @Test(arguments: [(1, 5), (2, 15), (3, 60), (4, 120), (5, 120), (100, 120)]) func failuresBackOff(_ failures: Int, _ minutes: Int64) {
        #expect(due(source(checked: now, failures: failures)) == minutes * minute)
    }

    @Test func theyBackOffUpToTheInterval() {
        #expect(due(source(checked: now, failures: 6), checks: 1) == 12 * hour)
        #expect(due(source(checked: now, failures: 9), checks: 50) == 1_728)
    }

    @Test func whoWantsToBeLeftAloneIs() {
        #expect(due(source(checked: now, failures: 1, restUntil: now + 24 * hour)) == 24 * hour)
        #expect(due(source(checked: now, failures: 1, restUntil: now + 1)) == 5 * minute)
        // A server's word counts for a week.
        #expect(due(source(checked: now, failures: 1, restUntil: .max)) == 7 * 24 * hour)
    }

    @Test func otherSettingsMakeItDue() {
        #expect(due(source(checked: now, failures: 1, restUntil: now + 24 * hour), settings: "b") == 0)
    }

    @Test func aClockThatWasSetBack() {
        #expect(due(source(checked: now + 1)) == 0)
    }
}
