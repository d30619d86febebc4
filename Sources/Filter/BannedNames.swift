/// A list of names, types and kinds that a policy forbids, ready to be met by parts.
///
/// Rules stand behind one another with spaces between; a rule is one of these, in any case:
///
/// | rule | meets |
/// |---|---|
/// | `.exe`, `.tar.gz` | names that end so, folders before them and what hides the end (`PlainName`) aside |
/// | `*.doc.*`, `invoice*` | names that look so from beginning to end: `*` is any run of characters, `?` one |
/// | `type:application/hta`, `type:video/*` | what the MIME header calls the part |
/// | `kind:exe-ms`, `kind:archive` | what the part is by its first bytes: a kind, or a family of them (`ContentKind`) |
/// | `double` | `invoice.pdf.exe`: a second ending that Windows runs |
/// | `clsid` | names that end in the class of a Windows object, `{…}`, which then opens them |
/// | `mismatch` | programs whose name or type says something harmless; archives whose name says picture, sound or document |
package struct BannedNames: Sendable, Hashable {
    /// The list in its normalised form: rules separated by one space, in the order given.
    package let text: String
    let rules: [Rule]
    /// Places in `rules`, by the extension that they are about.
    let extensions: [ArraySlice<UInt8>: Int]

    /// Rules of a list.
    package static let ruleLimit = 500
    /// Bytes of a list.
    package static let lengthLimit = 10_000

    /// Forbids nothing.
    package static let none = BannedNames(rules: [])

    /// Debian's `$banned_filename_re` (amavisd-new, 20-debian_defaults).
    package static let standard = """
        double clsid type:application/x-msdownload type:application/x-msdos-program type:application/hta .exe .vbs .pif .scr .bat .cmd .com \
        .cpl kind:exe-ms
        """

    /// What is wrong with a list.
    package struct Fault: Error, Hashable {
        package enum Reason: String, Sendable, CaseIterable {
            /// More bytes than `lengthLimit`, or more rules than `ruleLimit`.
            case tooLong, tooMany
            /// Neither an extension, nor a pattern, nor one of the words.
            case unknown
            /// `type:` without `type/subtype`, `kind:` with a word that stands for no kind.
            case noType, noKind
            /// It would meet every name.
            case everything
            /// A folder: names are met without theirs.
            case folder
        }

        /// As it was written; empty where the whole list is meant.
        package let rule: String
        package let reason: Reason
    }

    /// Spaces, tabs, line ends and commas separate rules; those that come twice count once. An empty list forbids nothing.
    package init(parsing text: String) throws(Fault) {
        guard text.utf8.count <= Self.lengthLimit else { throw Fault(rule: "", reason: .tooLong) }
        var rules: [Rule] = []
        var seen: Set<String> = []
        for word in text.split(whereSeparator: { $0 == " " || $0 == "," || $0.isNewline || $0 == "\t" }) {
            let rule = try Rule(String(word))
            guard seen.insert(rule.text).inserted else { continue }
            rules.append(rule)
            guard rules.count <= Self.ruleLimit else { throw Fault(rule: "", reason: .tooMany) }
        }
        self.init(rules: rules)
    }

    private init(rules: [Rule]) {
        self.rules = rules
        text = rules.map(\.text).joined(separator: " ")
        var extensions: [ArraySlice<UInt8>: Int] = [:]
        for (place, rule) in rules.enumerated() {
            if case .suffix(let suffix) = rule.form { extensions[suffix[...]] = place }
        }
        self.extensions = extensions
    }

    package var isEmpty: Bool { rules.isEmpty }

    /// The first rule of the list that forbids the part.
    package func rule(meeting part: NamedPart) -> String? {
        if rules.isEmpty { return nil }
        let readings = part.name.isEmpty ? [] : PlainName.readings(of: part.name)
        let byExtension = readings.compactMap { extensions[$0.suffix] }.min()
        for (place, rule) in rules.enumerated() {
            if place == byExtension || rule.isMet(by: part, readings) { return rule.text }
        }
        return nil
    }

    package static func == (left: BannedNames, right: BannedNames) -> Bool { left.text == right.text }
    package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
