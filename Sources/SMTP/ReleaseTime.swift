import Mail

/// The date-time of RFC 3339 §5.6 as HOLDUNTIL and FUTURERELEASE write it (RFC 4865 §4).
enum ReleaseTime {
    /// Seconds since 1970; nil for what is no such date. Fractions of a second are dropped.
    static func seconds(parsing text: ArraySlice<UInt8>) -> Int64? {
        guard text.count >= 20, text.count <= 40 else { return nil }
        var rest = text
        func number(_ digits: Int) -> Int? {
            guard rest.count >= digits, let value = rest.prefix(digits).decimal else { return nil }
            rest = rest.dropFirst(digits)
            return value
        }
        func skip(_ byte: Unicode.Scalar) -> Bool {
            guard rest.first?.capital == UInt8(ascii: byte) else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = number(4), skip("-"), let month = number(2), skip("-"), let day = number(2), skip("T"),
            let hour = number(2), skip(":"), let minute = number(2), skip(":"), let second = number(2)
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day)
        // RFC 3339 §5.7: second 60 is a leap second.
        guard date.isValid, hour < 24, minute < 60, second <= 60 else { return nil }
        if skip(".") {
            let fraction = rest.prefix { $0.isDigit }
            guard !fraction.isEmpty else { return nil }
            rest = rest[fraction.endIndex...]
        }
        var offset = 0
        if !skip("Z") {
            let isEast = rest.first == UInt8(ascii: "+")
            guard isEast || rest.first == UInt8(ascii: "-") else { return nil }
            rest = rest.dropFirst()
            guard let hours = number(2), skip(":"), let minutes = number(2), hours < 24, minutes < 60 else { return nil }
            offset = (hours * 60 + minutes) * (isEast ? 60 : -60)
        }
        guard rest.isEmpty else { return nil }
        return Int64(date.daysSinceEpoch * 86_400 + hour * 3600 + minute * 60 + second - offset)
    }

    /// In UTC. Beyond the year 9999 it stays at its end.
    static func text(of seconds: Int64) -> String {
        let seconds = min(max(seconds, 0), 253_402_300_799)
        let date = CivilDate(daysSinceEpoch: Int(seconds / 86_400))
        let second = Int(seconds % 86_400)
        func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
        return "\(date.year)-\(two(date.month))-\(two(date.day))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }
}
