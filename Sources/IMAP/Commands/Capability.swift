import Dialogue

/// CAPABILITY, ID, ENABLE, NAMESPACE, LOGOUT.
extension MailboxSession {
    /// RFC 3501 §7.2.1.
    var capabilities: String {
        var names = ["IMAP4rev1", "LITERAL+", "ID", "ENABLE"]
        if !isLoggedIn {
            // RFC 3501 §6.2.3, §11.1: a password must not travel where others listen.
            names.append("SASL-IR")
            if configuration.offersTLS, !connection.isEncrypted { names.append("STARTTLS") }
            names += mechanisms.map { "AUTH=\($0)" }
            if !mayLogIn { names.append("LOGINDISABLED") }
        }
        names += ["IDLE", "NAMESPACE", "CHILDREN", "UIDPLUS", "UNSELECT", "MOVE", "SPECIAL-USE"]
        if !configuration.hiddenCapabilities.isEmpty { names.removeAll { configuration.hiddenCapabilities.contains($0) } }
        return names.joined(separator: " ")
    }

    /// RFC 2971 §3.2.
    mutating func sayID(_ completion: consuming Completion) {
        say(untagged: "ID (\"name\" \"Buzon\")")
        complete(completion)
    }

    /// RFC 5161 §3.1: what is unknown is passed over.
    mutating func enable(_ names: [String], _ completion: consuming Completion) {
        let new = names.filter { Self.enableable.contains($0) && !enabled.contains($0) }
        enabled.formUnion(new)
        say(untagged: (["ENABLED"] + new).joined(separator: " "))
        complete(completion)
    }

    /// Extensions that RFC 5161 says wait to be enabled. None yet.
    private static var enableable: Set<String> { [] }

    /// RFC 2342 §5: one personal namespace, no others.
    mutating func sayNamespace(_ completion: consuming Completion) {
        say(untagged: "NAMESPACE ((\"\" \"/\")) NIL NIL")
        complete(completion)
    }

    /// RFC 3501 §6.1.3.
    mutating func logout(_ completion: consuming Completion) {
        say(untagged: "BYE Logging out")
        sayTagged(completion)
        sayNothingMore()
    }
}
