import CEmbedded

/// Languages in which the server speaks to people.
enum Language: String, Sendable {
    case english = "en"
    case spanish = "es"

    /// From the environment as POSIX ranks it: LC_ALL, LC_MESSAGES, LANG. English when none says Spanish.
    init(environment: [String: String]) {
        let named = ["LC_ALL", "LC_MESSAGES", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        self = named.hasPrefix("es") ? .spanish : .english
    }
}

/// Texts for people, from `data/text.tsv` (key, English, Spanish), with `{name}` in the place of values. Where the value `count` is 1, a key's
/// `.one` is taken, if it has one.
struct Text: Sendable {
    let language: Language
    private let texts: [String: String]

    init(_ language: Language, table: String = Text.embedded) {
        self.language = language
        var texts: [String: String] = [:]
        for line in table.split(separator: "\n") where !line.hasPrefix("#") {
            let columns = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard columns.count == 3 else { continue }
            texts[String(columns[0])] = String(columns[language == .english ? 1 : 2])
        }
        self.texts = texts
    }

    /// The text of a key. A key that the table lacks shows itself, so that nothing is silent; a test finds those.
    func callAsFunction(_ key: String, _ values: KeyValuePairs<String, any CustomStringConvertible> = [:]) -> String {
        words(key, values.map { ($0.key, $0.value.description) })
    }

    /// As above, with values that come as a list.
    func words(_ key: String, _ values: [(String, String)]) -> String {
        let one = values.contains { $0.0 == "count" && $0.1 == "1" } ? texts[key + ".one"] : nil
        return values.reduce(one ?? texts[key] ?? key) { text, value in
            text.split(separator: "{\(value.0)}", omittingEmptySubsequences: false).joined(separator: value.1)
        }
    }

    private static let english = Text(.english)
    private static let spanish = Text(.spanish)

    /// For messages that the server writes: `language` is a `report-language`; `auto` is that of this process.
    static func report(_ language: String) -> Text {
        switch language {
        case "en": english
        case "es": spanish
        default: text
        }
    }

    static var embedded: String {
        String(decoding: UnsafeBufferPointer(start: buzon_text_start, count: buzon_text_end - buzon_text_start), as: UTF8.self)
    }
}
