import Mail
import Testing

@Suite struct IMAPDateTests {
    @Test(arguments: [
        ("24-Nov-2026 10:00:00 +0100", 1_795_510_800, 60), (" 1-Jan-1970 00:00:00 +0000", 0, 0), ("01-jan-1970 00:00:00 +0000", 0, 0),
        ("1-JAN-1970 00:00:00 -0930", 34_200, -570),
    ])
    func dateTime(text: String, seconds: Int64, zone: Int16) {
        #expect(IMAPDate.parseDateTime(Array(text.utf8)[...]) == InternalDate(seconds: seconds, zoneMinutes: zone))
    }

    @Test(arguments: [
        "", "24-Nov-2026", "24-Nov-2026 10:00:00", "24-Nov-2026 10:00 +0100", "24-Nov-26 10:00:00 +0100", "31-Nov-2026 10:00:00 +0100",
        "24-Nov-2026 24:00:00 +0100", "24-Nov-2026 10:00:00 0100", "24-Nov-2026 10:00:00 +010", "24-Nov-2026 10:00:00 +0160",
        "24-Nov-2026 10:00:00 +2400", "24-November-2026 10:00:00 +0100", "24-Nov-0000 10:00:00 +0100", "24-Nov-2026  10:00:00 +0100",
        "  1-Jan-1970 00:00:00 +0000", "24-Nov-2026 10:00:00 +0100 ", "29-Feb-2025 00:00:00 +0000", "24 Nov 2026 10:00:00 +0100",
    ])
    func dateTimeRefusal(text: String) {
        #expect(IMAPDate.parseDateTime(Array(text.utf8)[...]) == nil)
    }

    @Test func formatting() {
        #expect(IMAPDate.formatDateTime(InternalDate(seconds: 1_795_510_800, zoneMinutes: 60)) == "24-Nov-2026 10:00:00 +0100")
        #expect(IMAPDate.formatDateTime(InternalDate(seconds: 0, zoneMinutes: -30)) == "31-Dec-1969 23:30:00 -0030")
        #expect(IMAPDate.formatDateTime(InternalDate(seconds: 0)) == " 1-Jan-1970 00:00:00 +0000")
        #expect(IMAPDate.formatDate(day: 20_781) == "24-Nov-2026")
        #expect(IMAPDate.formatDate(day: .max) == "31-Dec-9999")
        #expect(IMAPDate.formatDate(day: .min) == "1-Jan-0001")
    }

    @Test func searchDates() {
        #expect(IMAPDate.parseDate(Array("24-Nov-2026".utf8)[...]) == 20_781)
        #expect(IMAPDate.parseDate(Array("1-jan-1970".utf8)[...]) == 0)
        for text in ["", "24-Nov", "32-Nov-2026", "24-Nov-20260", " 1-Jan-1970", "24-11-2026", "-24-Nov-2026"] {
            #expect(IMAPDate.parseDate(Array(text.utf8)[...]) == nil)
        }
        // RFC 3501 §6.4.4: the day as the message's own zone has it.
        #expect(InternalDate(seconds: 1_795_476_600, zoneMinutes: 60).localDay == 20_781)
        #expect(InternalDate(seconds: 1_795_476_600, zoneMinutes: 0).localDay == 20_780)
        #expect(InternalDate(seconds: -1, zoneMinutes: 0).localDay == -1)
    }

    @Test func civilDates() {
        for day in stride(from: -719_162, through: 2_932_896, by: 97) {
            let date = CivilDate(daysSinceEpoch: day)
            #expect(date.isValid && date.daysSinceEpoch == day)
        }
        #expect(CivilDate(daysSinceEpoch: 11_016) == CivilDate(year: 2000, month: 2, day: 29))
        #expect(!CivilDate(year: 1900, month: 2, day: 29).isValid)
        #expect(!CivilDate(year: 2026, month: 13, day: 1).isValid)
    }
}
