internal import Mail

/// What a policy can say, in AMaViS's words. The raw value is the key as it is stored.
package enum PolicyKey: String, Sendable, CaseIterable {
    case bypassVirusChecks = "bypass_virus_checks"
    case bypassBannedChecks = "bypass_banned_checks"
    case bypassSpamChecks = "bypass_spam_checks"
    case finalVirusDestiny = "final_virus_destiny"
    case finalBannedDestiny = "final_banned_destiny"
    case finalLimitDestiny = "final_limit_destiny"
    case finalEncryptedDestiny = "final_encrypted_destiny"
    case finalUnopenedDestiny = "final_unopened_destiny"
    case finalSpamDestiny = "final_spam_destiny"
    case spamTagLevel = "spam_tag_level"
    case spamTag2Level = "spam_tag2_level"
    case spamKillLevel = "spam_kill_level"
    case spamSubjectTag = "spam_subject_tag"
    case quarantine
    case bannedNames = "banned_names"

    package enum Kind: Sendable {
        case bool, destiny, points
        /// One line of at most `PolicyKey.tagLimit` Unicode scalars; empty: no tag.
        case tag
        /// Rules with white space between them.
        case names
    }

    package static let tagLimit = 100

    package var kind: Kind {
        switch self {
        case .bypassVirusChecks, .bypassBannedChecks, .bypassSpamChecks, .quarantine: .bool
        case .finalVirusDestiny, .finalBannedDestiny, .finalLimitDestiny, .finalEncryptedDestiny, .finalUnopenedDestiny, .finalSpamDestiny:
            .destiny
        case .spamTagLevel, .spamTag2Level, .spamKillLevel: .points
        case .spamSubjectTag: .tag
        case .bannedNames: .names
        }
    }

    /// In the form that `normalised` answers.
    package var fallback: String {
        switch self {
        case .bypassVirusChecks, .bypassBannedChecks, .bypassSpamChecks: "false"
        // A virus's sender is hardly ever the one that it names.
        case .finalVirusDestiny: Destiny.discard.rawValue
        case .finalBannedDestiny: Destiny.reject.rawValue
        case .finalLimitDestiny: Destiny.quarantine.rawValue
        case .finalEncryptedDestiny, .finalUnopenedDestiny, .finalSpamDestiny: Destiny.pass.rawValue
        case .spamTagLevel: "-1000"
        case .spamTag2Level: "5"
        case .spamKillLevel: "10"
        case .spamSubjectTag: "***SPAM***"
        case .quarantine: "true"
        case .bannedNames: BannedNames.standard
        }
    }

    /// Names that amavisd.conf and AMaViS's SQL tables have for the same.
    private static let aliases: [String: PolicyKey] = [
        "bypass_virus_checks_acl": .bypassVirusChecks, "bypass_virus_checks_maps": .bypassVirusChecks,
        "bypass_banned_checks_acl": .bypassBannedChecks, "bypass_banned_checks_maps": .bypassBannedChecks,
        "bypass_spam_checks_acl": .bypassSpamChecks, "bypass_spam_checks_maps": .bypassSpamChecks,
        "sa_tag_level_deflt": .spamTagLevel, "sa_tag2_level_deflt": .spamTag2Level, "sa_kill_level_deflt": .spamKillLevel,
        "spam_tag_level_maps": .spamTagLevel, "spam_tag2_level_maps": .spamTag2Level, "spam_kill_level_maps": .spamKillLevel,
        "sa_spam_subject_tag": .spamSubjectTag, "spam_subject_tag2": .spamSubjectTag, "spam_subject_tag_maps": .spamSubjectTag,
        "spam_subject_tag2_maps": .spamSubjectTag,
    ]

    /// A key as somebody writes it: in any case, with AMaViS's sigil (`$final_virus_destiny`), its name for it, or hyphens.
    package init?(named name: String) {
        var bytes = Array(name.asciiLowercased.utf8)
        if bytes.first == UInt8(ascii: "$") || bytes.first == UInt8(ascii: "@") { bytes.removeFirst() }
        let plain = String(decoding: bytes.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
        guard let key = Self(rawValue: plain) ?? Self.aliases[plain] else { return nil }
        self = key
    }

    /// The value as it is stored, or nil when it is not one.
    package func normalised(_ value: String) -> String? {
        switch kind {
        case .bool: Self.bool(value.trimmed.asciiLowercased)
        case .destiny: Self.destiny(value.trimmed.asciiLowercased)
        case .points: Points(value.trimmed)?.description
        // What stands around a tag is part of it.
        case .tag: value.unicodeScalars.count <= Self.tagLimit && !value.unicodeScalars.contains(where: \.isControl) ? value : nil
        case .names: (try? BannedNames(parsing: value))?.text
        }
    }

    /// The words of the settings, the `Y` and `N` of AMaViS's SQL tables, and `.`: everybody, in its lists.
    private static func bool(_ word: String) -> String? {
        switch word {
        case "true", "yes", "y", "on", "1", "sí", "si", ".", "qw(.)": "true"
        case "false", "no", "n", "off", "0": "false"
        default: nil
        }
    }

    private static func destiny(_ word: String) -> String? {
        // Debian's amavisd.conf writes D_DISCARD.
        Destiny(rawValue: word.hasPrefix("d_") ? String(word.dropFirst(2)) : word)?.rawValue
    }
}

extension Unicode.Scalar {
    /// C0, DEL, C1, and the separators of lines and paragraphs: none may come into a header or onto a terminal.
    var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) || value == 0x2028 || value == 0x2029 }
}
