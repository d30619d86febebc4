/// The date-time of header fields.
package enum MailDate {
    /// Bytes that are looked at, comments excluded; the longest sensible date has about 50.
    package static let lengthLimit = 128

    /// RFC 5322 §3.3, the obsolete forms of §4.3 (years of two and three digits, zone names, comments), and what is found in the
    /// wild: no weekday, seconds or zone, RFC 850, asctime, ISO 8601, month before day, AM and PM. A zone that is missing or
    /// unknown counts as UTC, a time that is missing as midnight, a day beyond the month's end as one of the next month.
    /// Nil where day, month or year can't be told, or a number is out of its range.
    package static func parse(_ bytes: ArraySlice<UInt8>) -> InternalDate? {
        var reader = DateReader(withoutComments(bytes))
        return reader.read()
    }

    /// RFC 5322 §3.3: `Tue, 24 Nov 2026 10:00:00 +0100`. `zoneMinutes` are minutes east of UTC.
    package static func format(seconds: Int64, zoneMinutes: Int16 = 0) -> String {
        let date = InternalDate(seconds: seconds, zoneMinutes: zoneMinutes)
        let local = date.local
        let weekday = CivilDate.weekdayNames[((date.localDay % 7) + 7) % 7]
        let month = CivilDate.monthNames[local.date.month - 1]
        return "\(weekday), \(local.date.day) \(month) \(padded(local.date.year, 4)) \(time(local.secondOfDay)) \(zone(zoneMinutes))"
    }

    static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// `10:00:00`.
    static func time(_ secondOfDay: Int) -> String {
        "\(padded(secondOfDay / 3600, 2)):\(padded(secondOfDay / 60 % 60, 2)):\(padded(secondOfDay % 60, 2))"
    }

    /// `+0100`.
    static func zone(_ minutes: Int16) -> String {
        let magnitude = Int(minutes.magnitude)
        return "\(minutes < 0 ? "-" : "+")\(padded(magnitude / 60 % 100, 2))\(padded(magnitude % 60, 2))"
    }

    /// 1 … 12, from the first three letters of a name in any case.
    static func month(_ name: some Collection<UInt8>) -> Int? {
        guard name.count >= 3 else { return nil }
        return CivilDate.monthNames.firstIndex { month in
            zip(name.prefix(3), month.utf8).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
        }.map { $0 + 1 }
    }

    /// A comment counts as a space. An unclosed one swallows the rest.
    private static func withoutComments(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        var depth = 0
        var isEscaped = false
        for byte in bytes {
            if depth > 0, isEscaped {
                isEscaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "("):
                depth += 1
                text.append(0x20)
            case UInt8(ascii: ")"): depth = max(0, depth - 1)
            case UInt8(ascii: "\\"): isEscaped = depth > 0
            case 0x0D, 0x0A, 0x09, UInt8(ascii: "\""): if depth == 0 { text.append(0x20) }
            default: if depth == 0 { text.append(byte) }
            }
            if text.count > lengthLimit { break }
        }
        return text
    }
}
