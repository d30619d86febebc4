/// IMAP's own dates (RFC 3501 §9): strict in their form, English month names in any case.
package enum IMAPDate {
    /// `date-time` without its quotes: `24-Nov-2026 10:00:00 +0100`, the day with a leading space or zero where it has one digit.
    package static func parseDateTime(_ bytes: ArraySlice<UInt8>) -> InternalDate? {
        // RFC 3501 §9: date-day-fixed is SP DIGIT or 2DIGIT; one digit alone is taken as well.
        let trimmed = bytes.first == 0x20 ? bytes.dropFirst() : bytes
        let parts = trimmed.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, let date = date(parts[0]) else { return nil }
        let time = parts[1].split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        let zone = parts[2]
        guard time.count == 3, zone.count == 5, let sign = zone.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            let hour = number(time[0], digits: 2...2), let minute = number(time[1], digits: 2...2),
            let second = number(time[2], digits: 2...2), let offset = number(zone.dropFirst(), digits: 4...4),
            hour < 24, minute < 60, second <= 60, offset % 100 < 60, offset < 2400
        else { return nil }
        let minutes = (offset / 100 * 60 + offset % 100) * (sign == UInt8(ascii: "-") ? -1 : 1)
        let seconds = date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60 + second - minutes * 60
        return InternalDate(seconds: Int64(seconds), zoneMinutes: Int16(minutes))
    }

    /// `date-time` without its quotes, 26 bytes: `24-Nov-2026 10:00:00 +0100`, ` 1-Jan-2027 …`.
    package static func formatDateTime(_ date: InternalDate) -> String {
        let local = date.local
        let day = local.date.day < 10 ? " \(local.date.day)" : "\(local.date.day)"
        let name = CivilDate.monthNames[local.date.month - 1]
        let year = MailDate.padded(local.date.year, 4)
        return "\(day)-\(name)-\(year) \(MailDate.time(local.secondOfDay)) \(MailDate.zone(date.zoneMinutes))"
    }

    /// `date` of SEARCH without its quotes: `24-Nov-2026`. Days since 1970-01-01, to compare with `InternalDate.localDay`.
    package static func parseDate(_ bytes: ArraySlice<UInt8>) -> Int? {
        date(bytes)?.daysSinceEpoch
    }

    /// `24-Nov-2026`, from days since 1970-01-01.
    package static func formatDate(day: Int) -> String {
        let date = CivilDate(daysSinceEpoch: min(max(day, -719_162), 2_932_896))
        return "\(date.day)-\(CivilDate.monthNames[date.month - 1])-\(MailDate.padded(date.year, 4))"
    }

    private static func date(_ bytes: ArraySlice<UInt8>) -> CivilDate? {
        let parts = bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].count == 3, let day = number(parts[0], digits: 1...2), let month = MailDate.month(parts[1]),
            let year = number(parts[2], digits: 4...4), year > 0
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day)
        return date.isValid ? date : nil
    }

    private static func number(_ bytes: ArraySlice<UInt8>, digits: ClosedRange<Int>) -> Int? {
        guard digits.contains(bytes.count), bytes.allSatisfy(\.isASCIIDigit) else { return nil }
        return bytes.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
