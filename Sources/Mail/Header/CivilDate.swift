/// A day of the proleptic Gregorian calendar.
package struct CivilDate: Hashable, Sendable {
    package var year: Int
    /// 1 … 12.
    package var month: Int
    /// 1 … 31.
    package var day: Int

    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// From days since 1970-01-01. The algorithm counts in eras of 400 years that begin on 1 March.
    package init(daysSinceEpoch days: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01, negative before. A day beyond the month's end counts on into the next month.
    package var daysSinceEpoch: Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Whether the day exists.
    package var isValid: Bool {
        (1...12).contains(month) && (1...31).contains(day) && CivilDate(daysSinceEpoch: daysSinceEpoch) == self
    }

    static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    /// By days since the epoch, which was a Thursday, modulo 7.
    static let weekdayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
}

extension InternalDate {
    /// The day on the calendar of the zone in which the instant was given, in days since 1970-01-01: what SEARCH compares,
    /// "disregarding time and timezone" (RFC 3501 §6.4.4).
    package var localDay: Int { Int(localSeconds.days.quotient) }

    /// The calendar day and the seconds into it, in its own zone.
    var local: (date: CivilDate, secondOfDay: Int) {
        let (quotient, remainder) = localSeconds.days
        return (CivilDate(daysSinceEpoch: Int(quotient)), Int(remainder))
    }

    private var localSeconds: Int64 { seconds.clampedToCalendar + Int64(zoneMinutes) * 60 }
}

extension Int64 {
    fileprivate var days: (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: 86_400)
        return remainder < 0 ? (quotient - 1, remainder + 86_400) : (quotient, remainder)
    }

    /// Between the years 1 and 9999, which is what four digits can say.
    fileprivate var clampedToCalendar: Int64 { Swift.min(Swift.max(self, -62_135_510_400), 253_402_214_400) }
}
