import Mail
import Testing

@Suite struct MailDateTests {
    // 1795510800 is 2026-11-24T09:00:00Z.
    @Test(arguments: [
        ("Tue, 24 Nov 2026 10:00:00 +0100", 1_795_510_800, 60), ("24 Nov 2026 09:00:00 GMT", 1_795_510_800, 0),
        ("Tue, 24 Nov 2026 10:00 +0100", 1_795_510_800, 60), ("Tue,24 Nov 2026 10:00:00+0100", 1_795_510_800, 60),
        ("Tue, 24 Nov 26 04:00:00 EST", 1_795_510_800, -300), ("24 Nov 126 09:00:00 UT", 1_795_510_800, 0),
        ("Tue, 24 Nov 2026 09:00:00 Z", 1_795_510_800, 0), ("Tue, 24 Nov 2026 09:00:00 A", 1_795_510_800, 0),
        ("Tue, 24 Nov 2026 09:00:00 -0000", 1_795_510_800, 0), ("Tue, 24 Nov 2026 09:00:00", 1_795_510_800, 0),
        ("Tue (day), 24 (x (y) \\) z) Nov 2026 10:00:00 +0100 (CET)", 1_795_510_800, 60),
        ("Tue, 24 Nov\r\n 2026 10 : 00", 1_795_478_400, 0),
        ("TUESDAY, 24-Nov-26 09:00:00 GMT", 1_795_510_800, 0), ("Tue Nov 24 09:00:00 2026", 1_795_510_800, 0),
        ("Tue Nov 24 10:00:00 CET 2026", 1_795_510_800, 60), ("Tue Nov 24 10:00:00 2026 +0100", 1_795_510_800, 60),
        ("2026-11-24T10:00:00+01:00", 1_795_510_800, 60), ("2026-11-24T09:00:00Z", 1_795_510_800, 0),
        ("2026-11-24 04:00:00.123 -05:00", 1_795_510_800, -300), ("2026-11-24", 1_795_478_400, 0),
        ("24.11.2026 09:00:00", 1_795_510_800, 0), ("11/24/2026 9:00:00 AM", 1_795_510_800, 0), ("24/11/2026 09:00", 1_795_510_800, 0),
        ("24 Nov 2026 9:00 PM", 1_795_554_000, 0), ("24 Nov 2026 12:30 AM", 1_795_480_200, 0), ("24 Nov 2026 12:30 PM", 1_795_523_400, 0),
        ("November 24, 2026 09:00:00 UTC", 1_795_510_800, 0), ("24 november 2026 09.00.00 GMT", 1_795_510_800, 0),
        ("Tue, 24 Nov 2026 10:00:00 GMT+0100", 1_795_510_800, 60), ("Tue, 24 Nov 2026 09:00:00 XYZ", 1_795_510_800, 0),
        ("24 Nov 2026 +0100", 1_795_474_800, 60), ("Tue, 24 Nov 2026 09:00:00 +9999", 1_795_510_800, 0),
        ("Tue, 24 Nov 2026 09:00:00 +0199", 1_795_510_800, 0), ("Tue, 24 Nov 2026 10:00:00 +1", 1_795_510_800, 60),
        ("Thu, 1 Jan 1970 00:00:00 +0000", 0, 0), ("Wed, 31 Dec 69 23:59:59 GMT", -1, 0), ("1 Jan 49 00:00:00 GMT", 2_493_072_000, 0),
        ("31 Dec 2016 23:59:60 +0000", 1_483_228_800, 0), ("29 Feb 2024 00:00:00 GMT", 1_709_164_800, 0),
        ("31 Nov 2026 00:00:00 GMT", 1_796_083_200, 0), ("24 Nov 2026 24:00:00 GMT", 1_795_564_800, 0),
    ])
    func parsing(text: String, seconds: Int64, zone: Int16) {
        #expect(MailDate.parse(Array(text.utf8)[...]) == InternalDate(seconds: seconds, zoneMinutes: zone))
    }

    @Test(arguments: [
        "", "yesterday", "Tue, 24 Nov", "Nov 2026", "24 2026", "10:00:00 +0100", "0 Nov 2026", "32 Nov 2026", "24 Nov 0", "24 Nov 99999",
        "2026-13-24", "24 Nov 2026 25:00:00", "24 Nov 2026 10:60:00", "24 Nov 2026 10:00:61", "(24 Nov 2026)", "24 Foo 2026",
        "999999999999",
    ])
    func hopeless(text: String) {
        // Year 0 of two digits or fewer is 2000.
        if text == "24 Nov 0" {
            #expect(MailDate.parse(Array(text.utf8)[...]) != nil)
        } else {
            #expect(MailDate.parse(Array(text.utf8)[...]) == nil)
        }
    }

    @Test(arguments: [
        (1_795_510_800, 60, "Tue, 24 Nov 2026 10:00:00 +0100"), (1_795_510_800, -570, "Mon, 23 Nov 2026 23:30:00 -0930"),
        (0, 0, "Thu, 1 Jan 1970 00:00:00 +0000"), (-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"),
        (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (Int64.max, 0, "Fri, 31 Dec 9999 00:00:00 +0000"), (Int64.min, 0, "Tue, 2 Jan 0001 00:00:00 +0000"),
    ])
    func format(seconds: Int64, zone: Int16, text: String) {
        #expect(MailDate.format(seconds: seconds, zoneMinutes: zone) == text)
    }

    @Test func roundTrip() {
        var noise = Noise(seed: 4)
        for _ in 0..<5000 {
            let date = InternalDate(
                seconds: Int64.random(in: -62_135_000_000...253_402_000_000, using: &noise),
                zoneMinutes: Int16.random(in: -1439...1439, using: &noise))
            let parsed = MailDate.parse(Array(MailDate.format(seconds: date.seconds, zoneMinutes: date.zoneMinutes).utf8)[...])
            #expect(parsed == date)
            #expect(IMAPDate.parseDateTime(Array(IMAPDate.formatDateTime(date).utf8)[...]) == date)
            #expect(IMAPDate.parseDate(Array(IMAPDate.formatDate(day: date.localDay).utf8)[...]) == date.localDay)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["(", "()", "1", "1:", "Nov", "+1", "\\", " ", "(\\", "1-1-"])
    func linearTime(piece: String) {
        _ = MailDate.parse(repeated(piece)[...])
    }

    @Test func noise() {
        var noise = Noise(seed: 5)
        let alphabet = Array("0123456789 Nov:+-/.,TZ()AM".utf8)
        for _ in 0..<30_000 {
            guard let date = MailDate.parse(noise.bytes(upTo: 40, of: alphabet)[...]) else { continue }
            #expect((-1439...1439).contains(date.zoneMinutes))
            _ = MailDate.format(seconds: date.seconds, zoneMinutes: date.zoneMinutes)
        }
    }
}
