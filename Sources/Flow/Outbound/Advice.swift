package import SMTP

/// What a host's refusal means, and so what to do about it. The words are the texts' (`advice.…`).
package enum Advice: String, Sendable, CaseIterable {
    /// Our address is on a list of the host's or of somebody it asks.
    case blocked
    /// Come back in some minutes.
    case greylisted
    case mailboxFull = "mailbox-full"
    case noSuchUser = "no-such-user"
    case noSuchDomain = "no-such-domain"
    case tooLarge = "too-large"
    /// Too much mail, or too many connections.
    case rateLimited = "rate-limited"
    /// SPF, DKIM or DMARC.
    case unauthenticated
    /// Our address has no name, or another one.
    case namelessAddress = "nameless-address"
    /// The content looks like spam.
    case spam
    case tlsNeeded = "tls-needed"
    case loginNeeded = "login-needed"
    /// It does not know our name and password.
    case loginRefused = "login-refused"
    /// It has no login to offer.
    case loginMissing = "login-missing"
    case relayDenied = "relay-denied"
    /// Another refusal for reasons of policy.
    case policy
    /// Out of order, or no room.
    case unwell
    case other

    package var key: String { "advice.\(rawValue)" }

    package init(_ reply: Reply, at stage: SendingStage) {
        let text = ([reply.enhanced.map { "\($0)" } ?? ""] + reply.lines).joined(separator: " ").lowercased()
        self =
            Self.named(text) ?? Self.told(text, isTransient: reply.isTransient) ?? Self.coded(reply, stage)
    }

    /// Codes of large receivers, which say more than RFC 3463's.
    private static func named(_ text: String) -> Advice? {
        // Outlook: S3140, S3150 and their like name a blocked network.
        if contains(text, "s3140", "s3150", "(s314", "(s315", "[oo-", "ip address has been blocked", "banned sending ip") {
            return .blocked
        }
        if contains(text, "5.7.606", "5.7.511", "5.7.1 service unavailable; client host", "tss04", "tss07") { return .blocked }
        // Gmail.
        if contains(text, "5.7.26", "5.7.27", "5.7.30", "550-5.7.1 [ip] our system", "unauthenticated email", "unauthenticated sender") {
            return .unauthenticated
        }
        if contains(text, "5.7.25", "4.7.23", "5.7.23", "4.7.25") { return .namelessAddress }
        if contains(text, "4.7.28", "5.7.28", "4.2.1 the user you are trying to contact is receiving mail", "4.7.650") {
            return .rateLimited
        }
        if contains(text, "likely unsolicited", "likely suspicious") { return .spam }
        if contains(
            text, "spamhaus", "zen.", "sbl", "xbl ", "barracudacentral", "spamcop", "sorbs", "dnsbl", "rbl", "block list", "blocklist",
            "blacklist")
        {
            return .blocked
        }
        return nil
    }

    /// What is said in words.
    private static func told(_ text: String, isTransient: Bool) -> Advice? {
        if contains(text, "greylist", "graylist", "grey list", "greylisted") { return .greylisted }
        if isTransient, contains(text, "try again in", "come back later", "please retry later", "postgrey") { return .greylisted }
        if contains(text, "starttls", "tls required", "encryption required", "must issue") { return .tlsNeeded }
        if contains(text, "offers neither auth plain") { return .loginMissing }
        if contains(text, "authentication required", "auth required", "not authenticated") { return .loginNeeded }
        if contains(
            text, "over quota", "overquota", "quota exceeded", "mailbox full", "mailbox is full", "out of storage", "insufficient disk")
        {
            return .mailboxFull
        }
        if contains(text, "relay access denied", "relaying denied", "relay not permitted", "unable to relay") { return .relayDenied }
        if contains(text, "dmarc", "spf ", "spf:", "dkim") { return .unauthenticated }
        if contains(text, "reverse dns", "reverse hostname", "ptr record", "rdns", "cannot find your hostname", "cannot find your reverse")
        {
            return .namelessAddress
        }
        if contains(
            text, "too many connections", "rate limit", "too many messages", "too much mail", "throttl", "concurrent", "too many emails")
        {
            return .rateLimited
        }
        if contains(
            text, "user unknown", "unknown user", "no such user", "does not exist", "mailbox not found", "recipient not found",
            "no mailbox here")
        {
            return .noSuchUser
        }
        if contains(text, "reputation", "blocked") { return .blocked }
        if contains(text, "spam", "unsolicited", "virus") { return .spam }
        return nil
    }

    /// RFC 3463, then the bare code (RFC 5321 §4.2.3).
    private static func coded(_ reply: Reply, _ stage: SendingStage) -> Advice {
        if let enhanced = reply.enhanced {
            switch (enhanced.subject, enhanced.detail) {
            case (1, 2): return .noSuchDomain
            case (1, 0), (1, 1), (1, 3), (1, 6), (2, 1), (1, 10): return .noSuchUser
            case (2, 2): return .mailboxFull
            case (2, 3), (3, 4): return .tooLarge
            case (3, 0), (3, 1), (3, 2): return .unwell
            case (4, 5): return .rateLimited
            // RFC 7372 §3: SPF, DKIM, PTR, several.
            case (7, 20...24), (7, 26), (7, 27): return .unauthenticated
            case (7, 25): return .namelessAddress
            case (7, 4), (7, 10), (7, 11): return .tlsNeeded
            // RFC 4954 §6.
            case (7, 8): return .loginRefused
            case (7, 9): return .loginNeeded
            case (7, _): return .policy
            default: break
            }
        }
        switch reply.code {
        case 421: return stage == .connection || stage == .banner || stage == .greeting ? .rateLimited : .unwell
        case 450 where stage == .recipient: return .greylisted
        case 451 where stage == .recipient: return .greylisted
        case 452: return stage == .recipient ? .mailboxFull : .unwell
        case 530, 534: return .loginNeeded
        case 535: return .loginRefused
        case 550, 551, 553: return stage == .recipient ? .noSuchUser : .policy
        case 552: return stage == .recipient ? .mailboxFull : .tooLarge
        default: return .other
        }
    }

    private static func contains(_ text: String, _ words: String...) -> Bool {
        let text = Array(text.utf8)
        return words.contains { word in
            let word = Array(word.utf8)
            guard text.count >= word.count else { return false }
            return (0...(text.count - word.count)).contains { text[$0] == word[0] && text[$0..<$0 + word.count].elementsEqual(word) }
        }
    }
}
