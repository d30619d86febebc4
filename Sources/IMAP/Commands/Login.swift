import Dialogue

/// LOGIN.
extension MailboxSession {
    /// RFC 3501 §11.1: passwords travel only where nobody listens.
    var mayLogIn: Bool { connection.isEncrypted || connection.isLoopback || configuration.allowsPlaintextLogin }

    private func checkPrivacy() throws(CommandError) {
        guard mayLogIn else { throw .no(.privacyRequired) }
    }

    mutating func login(_ tag: [UInt8], user: [UInt8], password: Secret) throws(CommandError) {
        try checkPrivacy()
        guard let name = String(validating: user, as: UTF8.self) else {
            phase = .answered(.login(tag: tag), .refused(.authenticationFailed))
            return
        }
        ask(.login(user: name, password: password), .login(tag: tag))
    }

    mutating func proceedLogin(_ tag: [UInt8], _ answer: consuming Answer) {
        phase = .command
        switch consume answer {
        case .accepted: enter(tag)
        case .refused(let refusal): failLogin(tag, refusal, counts: refusal.code != "UNAVAILABLE")
        default: failLogin(tag, .unavailable, counts: false)
        }
    }

    /// The authenticated state.
    mutating func enter(_ tag: [UInt8]) {
        isLoggedIn = true
        badCommands = 0
        loginFailures = 0
        complete(Completion(tag: tag, "OK [CAPABILITY \(capabilities)] Logged in"))
    }

    mutating func failLogin(_ tag: [UInt8], _ refusal: Refusal, counts: Bool) {
        var completion = Completion(tag: tag, "")
        completion.status = Self.status(of: refusal)
        sayTagged(completion)
        if counts { loginFailures += 1 }
        if loginFailures >= limits.loginFailures { bye("Too many failed logins") }
    }
}

extension Refusal {
    // RFC 5530 §3.
    static let authenticationFailed = Refusal(code: "AUTHENTICATIONFAILED", "Authentication failed")
    static let unavailable = Refusal(code: "UNAVAILABLE", "Authentication is not possible now")
    static let privacyRequired = Refusal(code: "PRIVACYREQUIRED", "Log in over an encrypted connection only")
}
