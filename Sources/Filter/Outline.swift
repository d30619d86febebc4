package struct Policy: Sendable, Equatable {
    package var bypassVirusChecks = false
    package var bypassSpamChecks = false
    package var bypassBannedChecks = false
    package var virusDestiny = Destiny.discard
    package var bannedDestiny = Destiny.reject
    package var spamDestiny = Destiny.pass
    package var limitDestiny = Destiny.quarantine
    package var encryptedDestiny = Destiny.pass
    package var unopenedDestiny = Destiny.pass
    package var spamTagLevel = -1000.0
    package var spamTag2Level = 5.0
    package var spamKillLevel = 10.0
    package var spamSubjectTag = "***SPAM***"
    package var quarantine = true
    package var bannedNames = ".exe"
    package init() {}
    package func destiny(of category: Category) -> Destiny {
        switch category {
        case .virus: virusDestiny
        case .banned: bannedDestiny
        case .poisoned: .quarantine
        case .limit: limitDestiny
        case .encrypted: encryptedDestiny
        case .unopened: unopenedDestiny
        case .spam: spamDestiny
        }
    }
}
package struct SenderOpinion: Sendable, Equatable {
    package var isWhite = false
    package var isBlack = false
    package var points = 0.0
    package init() {}
}
package enum PolicyScope: Sendable, Hashable {
    case server
    case domain(String)
    case user(String)
}
