import Mail

/// A calendar day, as days since 1970-01-01.
package typealias Day = Int

extension CommandReader {
    /// RFC 3501 §9 `date`: `1-Feb-1994`, quoted or not.
    mutating func date() throws(CommandError) -> Day {
        let text = try astring()
        guard let day = IMAPDate.parseDate(text[...]) else { throw .bad("No such date") }
        return day
    }

    /// RFC 3501 §9 `date-time`: `"17-Jul-1996 02:44:25 -0700"`.
    mutating func dateTime() throws(CommandError) -> InternalDate {
        let text = try quoted()
        guard let date = IMAPDate.parseDateTime(text[...]) else { throw .bad("Bad date and time") }
        return date
    }
}

extension ResponseBuffer {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// RFC 3501 §9 `date-time`. Without a `String`: one of these stands in every line of FETCH FAST.
    mutating func append(_ date: InternalDate) {
        let zone = Int(date.zoneMinutes)
        let day = date.localDay
        let civil = CivilDate(daysSinceEpoch: day)
        let local = date.seconds.addingReportingOverflow(Int64(zone) * 60).partialValue % 86_400
        let second = Int(local < 0 ? local + 86_400 : local)
        append(0x22)
        append(padded: civil.day, width: 2, with: 0x20)
        append(0x2D)
        append(text: Self.months[min(max(civil.month, 1), 12) - 1])
        append(0x2D)
        append(padded: min(max(civil.year, 0), 9_999), width: 4)
        append(0x20)
        append(padded: second / 3_600, width: 2)
        append(0x3A)
        append(padded: second / 60 % 60, width: 2)
        append(0x3A)
        append(padded: second % 60, width: 2)
        append(0x20)
        append(zone < 0 ? 0x2D : 0x2B)
        append(padded: abs(zone) / 60, width: 2)
        append(padded: abs(zone) % 60, width: 2)
        append(0x22)
    }

    private mutating func append(padded value: Int, width: Int, with padding: UInt8 = 0x30) {
        var power = 1
        for _ in 1..<width { power *= 10 }
        while power > 1, value < power {
            append(padding)
            power /= 10
        }
        append(decimal: value)
    }
}
