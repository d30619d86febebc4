import Mail

/// A calendar day, as days since 1970-01-01.
package typealias Day = Int

extension CommandReader {
    /// RFC 3501 §9 `date`: `1-Feb-1994`, quoted or not.
    mutating func date() throws(CommandError) -> Day {
        let isQuoted = skip(0x22)
        let day = try dayNumber()
        if isQuoted { try expect(0x22) }
        return day
    }

    private mutating func dayNumber() throws(CommandError) -> Day {
        let day = Int(try number())
        try expect(0x2D)
        let month = try month()
        try expect(0x2D)
        let year = Int(try number())
        guard day >= 1, day <= CivilDay.length(ofMonth: month, year: year), year <= 9_999 else { throw .bad("No such date") }
        return CivilDay.number(year: year, month: month, day: day)
    }

    private mutating func month() throws(CommandError) -> Int {
        guard bytes.count - index >= 3 else { throw .bad("Month expected") }
        let name = bytes[index..<index + 3].map(upperCased)
        for (number, known) in CivilDay.months.enumerated() where name.elementsEqual(known.utf8, by: { $0 == upperCased($1) }) {
            index += 3
            return number + 1
        }
        throw .bad("Month expected")
    }

    /// RFC 3501 §9 `date-time`: `"17-Jul-1996 02:44:25 -0700"`; the day of one digit with or without its space.
    mutating func dateTime() throws(CommandError) -> InternalDate {
        try expect(0x22)
        _ = skip(0x20)
        let day = try dayNumber()
        try expect(0x20)
        let hour = try twoDigits(below: 24)
        try expect(0x3A)
        let minute = try twoDigits(below: 60)
        try expect(0x3A)
        let second = try twoDigits(below: 61)
        try expect(0x20)
        let isWest = current == 0x2D
        guard skip(0x2B) || skip(0x2D) else { throw .bad("Zone expected") }
        let zoneHour = try twoDigits(below: 24)
        let zoneMinute = try twoDigits(below: 60)
        try expect(0x22)
        let zone = (zoneHour * 60 + zoneMinute) * (isWest ? -1 : 1)
        let seconds = day * 86_400 + hour * 3_600 + minute * 60 + second - zone * 60
        return InternalDate(seconds: Int64(seconds), zoneMinutes: Int16(zone))
    }

    private mutating func twoDigits(below limit: Int) throws(CommandError) -> Int {
        guard bytes.count - index >= 2 else { throw .bad("Bad date and time") }
        let tens = Int(bytes[index]) - 0x30
        let ones = Int(bytes[index + 1]) - 0x30
        guard (0...9).contains(tens), (0...9).contains(ones), tens * 10 + ones < limit else { throw .bad("Bad date and time") }
        index += 2
        return tens * 10 + ones
    }
}

/// The proleptic Gregorian calendar.
enum CivilDay {
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func length(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        default: 31
        }
    }

    /// Days since 1970-01-01. Years 0 to 9999.
    static func number(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func date(ofDay number: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

extension ResponseBuffer {
    /// RFC 3501 §9 `date-time`. Years outside of 0 to 9999 become the nearest of these.
    mutating func append(_ date: InternalDate) {
        let zone = Int(date.zoneMinutes)
        let local = min(max(Int(clamping: date.seconds), -62_167_219_200), 253_402_300_799) + zone * 60
        let day = Int((Double(local) / 86_400).rounded(.down))
        let second = local - day * 86_400
        let civil = CivilDay.date(ofDay: day)
        append(0x22)
        append(padded: civil.day, width: 2, with: 0x20)
        append(0x2D)
        append(text: CivilDay.months[civil.month - 1])
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
