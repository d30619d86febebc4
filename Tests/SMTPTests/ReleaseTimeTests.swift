import Testing

@testable import SMTP

struct ReleaseTimeTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-24T10:00:00Z", 1_795_514_400), ("2026-11-24t11:00:00.25+01:00", 1_795_514_400),
        ("2026-11-24T04:30:00-05:30", 1_795_514_400), ("2016-12-31T23:59:60Z", 1_483_228_800),
    ])
    func dates(text: String, seconds: Int64) {
        #expect(ReleaseTime.seconds(parsing: Array(text.utf8)[...]) == seconds)
    }

    @Test(arguments: [
        "", "2026-11-24", "2026-11-24T10:00:00", "2026-11-24 10:00:00Z", "2026-02-29T10:00:00Z", "2026-11-24T24:00:00Z",
        "2026-11-24T10:60:00Z", "2026-11-24T10:00:00.Z", "2026-11-24T10:00:00+1:00", "2026-11-24T10:00:00ZZ", "+026-11-24T10:00:00Z",
        "2026-11-24T10:00:00+24:00",
    ])
    func noDates(text: String) { #expect(ReleaseTime.seconds(parsing: Array(text.utf8)[...]) == nil) }

    @Test func written() {
        #expect(ReleaseTime.text(of: 1_795_514_400) == "2026-11-24T10:00:00Z")
        #expect(ReleaseTime.text(of: .max) == "9999-12-31T23:59:59Z")
    }
}
