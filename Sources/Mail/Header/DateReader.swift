/// Reads a date from tokens in whatever order they come: names say what they are, numbers by their place.
struct DateReader {
    private let text: [UInt8]
    private var index = 0

    private var day: Int?
    private var month: Int?
    private var year: Int?
    private var secondOfDay: Int?
    private var isAfternoon: Bool?
    private var zone: Int?

    init(_ text: [UInt8]) {
        self.text = text
    }

    mutating func read() -> InternalDate? {
        while index < text.count {
            let byte = text[index]
            if byte.isASCIIDigit {
                guard readNumber() else { return nil }
            } else if byte.isASCIILetter {
                readName()
            } else if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") {
                readSign()
            } else {
                index += 1
            }
        }
        guard let day, let month, let year, (1...31).contains(day), (1...12).contains(month), (1...9999).contains(year) else {
            return nil
        }
        var second = secondOfDay ?? 0
        if let isAfternoon {
            let hour = second / 3600
            if isAfternoon, hour < 12 { second += 12 * 3600 } else if !isAfternoon, hour == 12 { second -= 12 * 3600 }
        }
        let minutes = zone ?? 0
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        return InternalDate(seconds: Int64(days * 86_400 + second - minutes * 60), zoneMinutes: Int16(minutes))
    }

    /// The digits at `index`, which is moved behind them: value and count. Values stop growing at a million.
    private mutating func digits() -> (value: Int, count: Int) {
        var value = 0
        let start = index
        while index < text.count, text[index].isASCIIDigit {
            value = min(value * 10 + Int(text[index] - 0x30), 1_000_000)
            index += 1
        }
        return (value, index - start)
    }

    private func byte(_ offset: Int) -> UInt8 {
        index + offset < text.count ? text[index + offset] : 0
    }

    private mutating func readNumber() -> Bool {
        let (value, count) = digits()
        let isDate = day != nil && month != nil && year != nil
        let separator = byte(0)
        if secondOfDay == nil, byte(1).isASCIIDigit, separator == UInt8(ascii: ":") || (isDate && separator == UInt8(ascii: ".")) {
            return readTime(hour: value, separator: separator)
        }
        if day == nil, month == nil, year == nil, byte(1).isASCIIDigit,
            separator == UInt8(ascii: "-") || separator == UInt8(ascii: "/") || separator == UInt8(ascii: "."),
            readNumericDate(first: value, firstCount: count, separator: separator)
        {
            return true
        }
        if day == nil, count <= 2 {
            day = value
        } else if year == nil {
            year = fullYear(value, count)
        }
        return true
    }

    /// RFC 5322 §4.3: 00 to 49 mean 2000 to 2049, 50 to 99 and three digits count from 1900.
    private func fullYear(_ value: Int, _ count: Int) -> Int {
        switch count {
        case 1, 2: value < 50 ? 2000 + value : 1900 + value
        case 3: 1900 + value
        default: value
        }
    }

    /// Behind the hour: minutes, perhaps seconds and a fraction.
    private mutating func readTime(hour: Int, separator: UInt8) -> Bool {
        index += 1
        let minute = digits().value
        var second = 0
        if byte(0) == separator, byte(1).isASCIIDigit {
            index += 1
            second = digits().value
            if byte(0) == UInt8(ascii: ".") || byte(0) == UInt8(ascii: ","), byte(1).isASCIIDigit {
                index += 1
                _ = digits()
            }
        }
        // RFC 5322 §3.3: 60 is a leap second. 24:00 is the end of the day (ISO 8601).
        guard hour <= 24, minute <= 59, second <= 60 else { return false }
        secondOfDay = hour * 3600 + minute * 60 + second
        return true
    }

    /// `2026-11-24`, `24.11.2026`, `11/24/2026` (but `24/11/2026` when only that can be meant).
    private mutating func readNumericDate(first: Int, firstCount: Int, separator: UInt8) -> Bool {
        let start = index
        index += 1
        let second = digits()
        guard byte(0) == separator, byte(1).isASCIIDigit, second.count <= 2 else {
            index = start
            return false
        }
        index += 1
        let third = digits()
        if firstCount >= 3 {
            (year, month, day) = (first, second.value, third.value)
        } else if separator == UInt8(ascii: "/"), second.value > 12 || first <= 12 {
            (month, day, year) = (first, second.value, fullYear(third.value, third.count))
        } else {
            (day, month, year) = (first, second.value, fullYear(third.value, third.count))
        }
        // ISO 8601: the T between date and time is no military zone.
        if byte(0) == UInt8(ascii: "T") || byte(0) == UInt8(ascii: "t"), byte(1).isASCIIDigit { index += 1 }
        return true
    }

    private mutating func readName() {
        let start = index
        while index < text.count, text[index].isASCIILetter { index += 1 }
        let name = text[start..<index]
        if month == nil, let number = MailDate.month(name) {
            month = number
        } else if name.isCaseInsensitivelyEqual(toLowercase: "am") {
            isAfternoon = false
        } else if name.isCaseInsensitivelyEqual(toLowercase: "pm") {
            isAfternoon = true
        } else if zone == nil, secondOfDay != nil || year != nil {
            zone = ZoneName.minutes(name)
        }
    }

    /// An offset from UTC, once a time or the whole date is known; before that, a dash between parts of the date.
    private mutating func readSign() {
        let isNegative = text[index] == UInt8(ascii: "-")
        index += 1
        let isOffset = secondOfDay != nil || (day != nil && month != nil && year != nil)
        guard isOffset, byte(0).isASCIIDigit else { return }
        var (value, count) = digits()
        if count <= 2, byte(0) == UInt8(ascii: ":"), byte(1).isASCIIDigit {
            index += 1
            value = value * 100 + digits().value
        } else if count <= 2 {
            value *= 100
        }
        count = value / 100 * 60 + value % 100
        // RFC 5322 §3.3: 0000 … 9959; beyond a day, it says nothing.
        guard value % 100 < 60, count < 24 * 60 else { return }
        zone = isNegative ? -count : count
    }
}

/// RFC 5322 §4.3's zones, and the names that mail from Europe, Asia and Oceania carries.
private enum ZoneName {
    static func minutes(_ name: ArraySlice<UInt8>) -> Int? {
        // RFC 5322 §4.3: military letters other than Z were defined wrongly, so all of them mean UTC.
        if name.count == 1 { return 0 }
        return table[String(decoding: name.map { $0 & 0xDF }, as: UTF8.self)]
    }

    // Where a name has several meanings (CST, IST, BST), RFC 5322's or the most frequent one in mail.
    private static let table: [String: Int] = [
        "UT": 0, "UTC": 0, "GMT": 0, "WET": 0,
        "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
        "AKST": -540, "AKDT": -480, "HST": -600, "AST": -240, "ADT": -180, "NST": -210, "NDT": -150, "BRT": -180, "ART": -180,
        "BST": 60, "WEST": 60, "CET": 60, "MET": 60, "MEZ": 60, "CEST": 120, "MEST": 120, "MESZ": 120, "SAST": 120,
        "EET": 120, "EEST": 180, "MSK": 180, "MSD": 240, "IST": 330, "SGT": 480, "HKT": 480, "AWST": 480, "JST": 540, "KST": 540,
        "ACST": 570, "AEST": 600, "ACDT": 630, "AEDT": 660, "NZST": 720, "NZDT": 780,
    ]
}
