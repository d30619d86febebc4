import Store

/// Why something happened, for the trace: a key of the translations and its values, so that a person reads it in his own
/// language. Stored as one line: `key␟name␟value…` (U+001F between the parts).
package struct Reason: Hashable, Sendable {
    package var key: String
    package var values: [(name: String, value: String)]

    package init(_ key: String, _ values: KeyValuePairs<String, String> = [:]) {
        self.key = key
        self.values = values.map { ($0.key, $0.value) }
    }

    /// With values that come as a list.
    init(_ key: String, _ values: [(String, String)]) {
        self.key = key
        self.values = values.map { ($0.0, $0.1) }
    }

    package var stored: String {
        var text = key
        for (name, value) in values {
            text += "\u{1F}" + name + "\u{1F}" + value.filter { $0 != "\u{1F}" && $0 != "\n" && $0 != "\r" && $0 != "\r\n" }
        }
        return text
    }

    /// From the stored form. Anything is accepted: what is no key shows itself as it is.
    package init(stored: String) {
        let parts = stored.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
        key = parts.first ?? ""
        values = stride(from: 1, to: parts.count - 1, by: 2).map { (parts[$0], parts[$0 + 1]) }
    }

    /// It says under which number the message is kept.
    mutating func isKept(as number: Int64) { values.append((TraceEntry.quarantine, "\(number)")) }

    /// The value that is another reason, its parts apart by U+001E.
    private static let causeName = "because"

    /// It says why, too.
    func because(_ cause: Reason) -> Reason {
        var (plain, whole) = (cause, self)
        plain.values = cause.values.map { ($0.name, $0.value.filter { $0 != "\u{1E}" }) }
        whole.values.append((Self.causeName, String(plain.stored.map { $0 == "\u{1F}" ? "\u{1E}" : $0 })))
        return whole
    }

    /// Why, where it says so by another reason.
    package var cause: Reason? {
        values.first { $0.name == Self.causeName }.map { Reason(stored: String($0.value.map { $0 == "\u{1E}" ? "\u{1F}" : $0 })) }
    }

    /// The number in quarantine; nil: it says of none.
    package var quarantine: Int64? { values.first { $0.name == TraceEntry.quarantine }.flatMap { Int64($0.value) } }

    package static func == (left: Reason, right: Reason) -> Bool { left.stored == right.stored }
    package func hash(into hasher: inout Hasher) { hasher.combine(stored) }

    /// What was found, as a value: the first five, each cut, so that a stranger's names don't fill the trace.
    static func list(_ names: [String]) -> String {
        names.prefix(5).map { $0.prefix(scalars: 150) }.joined(separator: ", ")
    }
}

extension String {
    /// The beginning, by Unicode scalars: one character may be thousands of them.
    package func prefix(scalars count: Int) -> String { String(String.UnicodeScalarView(unicodeScalars.prefix(count))) }

    /// With a backslash before each one of it, and before each backslash.
    func escaping(_ mark: Unicode.Scalar) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar == mark || scalar == "\\" { scalars.append("\\") }
            scalars.append(scalar)
        }
        return String(scalars)
    }

    /// What a stranger wrote, for a terminal or the log: control characters and those that turn the direction of writing are left out.
    package var printable: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.filter { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: false
                    default: true
                    }
                }))
    }
}
