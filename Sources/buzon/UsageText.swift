/// What the argument parser says by itself, in the user's language. Its words are English; each stands in the table under
/// `usage.…`, so that a phrase of a later version that is not there yet stays readable.
enum UsageText {
    /// Phrases of the parser, and their keys.
    private static let phrases: [(english: String, key: String)] = [
        ("Missing expected argument ", "usage.missing-argument"), ("Unexpected argument ", "usage.unexpected-argument"),
        (" unexpected arguments: ", "usage.unexpected-arguments"), ("Unknown option ", "usage.unknown-option"),
        ("Missing value for ", "usage.missing-value"), (". Did you mean ", "usage.did-you-mean"), ("The value ", "usage.the-value"),
        (" is invalid for ", "usage.is-invalid"),
        ("OVERVIEW: ", "usage.overview"), ("USAGE: ", "usage.usage"), ("ARGUMENTS:", "usage.arguments"), ("OPTIONS:", "usage.options"),
        ("SUBCOMMANDS:", "usage.subcommands"), ("Show the version.", "usage.version"), ("Show help information.", "usage.help"),
        ("<subcommand>", "usage.subcommand"), ("  See '", "usage.see"), ("' for detailed help.", "usage.detailed"),
        ("(default: ", "usage.default"),
    ]

    static func translated(_ words: String, _ text: Text) -> String {
        guard text.language != .english else { return words }
        return phrases.reduce(words) { words, phrase in
            words.split(separator: phrase.english, omittingEmptySubsequences: false).joined(separator: text(phrase.key))
        }
    }
}
