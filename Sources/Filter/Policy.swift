/// What holds for one recipient once server, domain and user have spoken. Equal policies judge alike.
package struct Policy: Sendable, Hashable {
    package var bypassVirusChecks: Bool
    package var bypassBannedChecks: Bool
    package var bypassSpamChecks: Bool
    package var finalVirusDestiny: Destiny
    package var finalBannedDestiny: Destiny
    package var finalLimitDestiny: Destiny
    package var finalEncryptedDestiny: Destiny
    package var finalUnopenedDestiny: Destiny
    package var finalSpamDestiny: Destiny
    /// The score from which on the X-Spam-* headers are added.
    package var spamTagLevel: Double
    /// The score from which on a message is called spam.
    package var spamTag2Level: Double
    /// The score from which on `finalSpamDestiny` counts.
    package var spamKillLevel: Double
    /// What is put before the subject of spam that is delivered; empty: nothing.
    package var spamSubjectTag: String
    /// Whether what is discarded, refused or bounced leaves a copy. A destiny of `quarantine` keeps one whatever this says, since the
    /// sender has been told that it was accepted.
    package var quarantine: Bool
    /// In its normalised form: as `InspectionOrder` takes it. Empty: no name is banned.
    package var bannedNames: String

    /// `text` answers a value of the key, normalised.
    init(_ text: (PolicyKey) -> String) {
        func bool(_ key: PolicyKey) -> Bool { text(key) == "true" }
        func destiny(_ key: PolicyKey) -> Destiny { Destiny(rawValue: text(key)) ?? .pass }
        func points(_ key: PolicyKey) -> Double { Points(text(key))?.value ?? 0 }
        bypassVirusChecks = bool(.bypassVirusChecks)
        bypassBannedChecks = bool(.bypassBannedChecks)
        bypassSpamChecks = bool(.bypassSpamChecks)
        finalVirusDestiny = destiny(.finalVirusDestiny)
        finalBannedDestiny = destiny(.finalBannedDestiny)
        finalLimitDestiny = destiny(.finalLimitDestiny)
        finalEncryptedDestiny = destiny(.finalEncryptedDestiny)
        finalUnopenedDestiny = destiny(.finalUnopenedDestiny)
        finalSpamDestiny = destiny(.finalSpamDestiny)
        spamTagLevel = points(.spamTagLevel)
        spamTag2Level = points(.spamTag2Level)
        spamKillLevel = points(.spamKillLevel)
        spamSubjectTag = text(.spamSubjectTag)
        quarantine = bool(.quarantine)
        bannedNames = text(.bannedNames)
    }

    /// No check is made.
    package var isBypassed: Bool { bypassVirusChecks && bypassBannedChecks && bypassSpamChecks }

    /// With nothing said anywhere.
    package static let standard = Policy { $0.fallback }

    /// What becomes of a message of the category. A poisoned one is always held back: nobody knows what is in it.
    package func destiny(of category: Category) -> Destiny {
        switch category {
        case .virus: finalVirusDestiny
        case .banned: finalBannedDestiny
        case .poisoned: .quarantine
        case .limit: finalLimitDestiny
        case .encrypted: finalEncryptedDestiny
        case .unopened: finalUnopenedDestiny
        case .spam: finalSpamDestiny
        }
    }

    /// Combinations that hardly anybody can mean, in the order of the keys.
    package enum Oddity: String, Sendable, CaseIterable {
        /// Nobody looks for viruses.
        case virusUnchecked = "virus-unchecked"
        /// Infected mail reaches its recipients.
        case virusDelivered = "virus-delivered"
        /// Acts as `reject` as long as the sender's identity is not known.
        case bounce
        /// Spam is disposed of before it is called spam.
        case killBelowTag2 = "kill-below-tag2"
        /// Spam is called spam before its headers are added.
        case tag2BelowTag = "tag2-below-tag"
        /// Mail is held back although copies are off: it is kept all the same.
        case held
        /// Nothing is banned although the check is on.
        case nothingBanned = "nothing-banned"
    }

    package var oddities: [Oddity] {
        let destinies = Category.allCases.filter { $0 != .poisoned }.map(destiny(of:))
        return Oddity.allCases.filter { oddity in
            switch oddity {
            case .virusUnchecked: bypassVirusChecks
            case .virusDelivered: !bypassVirusChecks && [.pass, .junk].contains(finalVirusDestiny)
            case .bounce: destinies.contains(.bounce)
            case .killBelowTag2: spamTag2Level > spamKillLevel
            case .tag2BelowTag: spamTagLevel > spamTag2Level
            case .held: !quarantine && destinies.contains(.quarantine)
            case .nothingBanned: !bypassBannedChecks && bannedNames.isEmpty
            }
        }
    }
}
