import Dialogue
import Mail

/// LOGIN and AUTHENTICATE.
extension MailboxSession {
    /// RFC 3501 §11.1: passwords travel only where nobody listens.
    var mayLogIn: Bool { connection.isEncrypted || connection.isLoopback || configuration.allowsPlaintextLogin }

    private func checkPrivacy() throws(CommandError) {
        guard mayLogIn else { throw .no(Refusal(code: "PRIVACYREQUIRED", "Log in over an encrypted connection only")) }
    }

    mutating func login(_ tag: [UInt8], user: [UInt8], password: Secret) throws(CommandError) {
        try checkPrivacy()
        guard let name = String(validating: user, as: UTF8.self) else {
            phase = .answered(.login(tag: tag), .refused(Refusal(code: "AUTHENTICATIONFAILED", "Authentication failed")))
            return
        }
        ask(.login(user: name, password: password), .login(tag: tag))
    }

    /// RFC 3501 §6.2.2, with the initial response of RFC 4959 §3.
    mutating func authenticate(_ tag: [UInt8], mechanism: String, initial: [UInt8]?) throws(CommandError) {
        guard mechanism == "PLAIN" else { throw .no(Refusal(code: "CANNOT", "Unsupported mechanism")) }
        try checkPrivacy()
        if let initial {
            // RFC 4959 §3: "=" is an empty response.
            authenticatePlain(tag, response: initial == [0x3D] ? [] : initial)
        } else {
            output.append("+ \r\n")
            phase = .authenticating(tag: tag)
        }
    }

    mutating func advanceAuthenticate(_ tag: [UInt8]) -> Step<Question>? {
        if isShuttingDown {
            bye("Server is shutting down")
            return nil
        }
        guard let line = assembler.takeLine(limit: limits.unauthenticatedCommand) else {
            if assembler.input.count > limits.unauthenticatedCommand {
                bye("Line too long")
                return nil
            }
            return wait(Patience(limits.unauthenticatedPatience), in: .authenticating(tag: tag))
        }
        phase = .command
        if line.isTooLong {
            sayBad(tag: tag, "Line too long")
        } else if line.bytes == [0x2A] {
            // RFC 3501 §6.2.2: the client gives up.
            sayBad(tag: tag, "Authentication cancelled")
        } else {
            authenticatePlain(tag, response: line.bytes)
        }
        return nil
    }

    /// RFC 4616 §2: authorization identity NUL authentication identity NUL password.
    private mutating func authenticatePlain(_ tag: [UInt8], response: [UInt8]) {
        phase = .command
        guard let message = Base64.decodeStrictly(response[...]) else {
            sayBad(tag: tag, "Invalid base64")
            return
        }
        let fields = message.split(separator: 0, omittingEmptySubsequences: false)
        guard fields.count == 3, let user = String(validating: fields[1], as: UTF8.self), !user.isEmpty else {
            phase = .answered(.login(tag: tag), .refused(Refusal(code: "AUTHENTICATIONFAILED", "Authentication failed")))
            return
        }
        guard fields[0].isEmpty || fields[0] == fields[1] else {
            phase = .answered(
                .login(tag: tag), .refused(Refusal(code: "AUTHORIZATIONFAILED", "Nobody may act for somebody else")))
            return
        }
        ask(.login(user: user, password: Secret(Array(fields[2]))), .login(tag: tag))
    }

    mutating func proceedLogin(_ tag: [UInt8], _ answer: consuming Answer) {
        phase = .command
        if case .accepted = answer {
            isLoggedIn = true
            badCommands = 0
            loginFailures = 0
            complete(Completion(tag: tag, "OK [CAPABILITY \(capabilities)] Logged in"))
            return
        }
        let isTemporary: Bool
        if case .refused(let refusal) = answer, refusal.code != "UNAVAILABLE" { isTemporary = false } else { isTemporary = true }
        var completion = Completion(tag: tag, "")
        completion.status = Self.status(of: answer)
        sayTagged(completion)
        if !isTemporary { loginFailures += 1 }
        if loginFailures >= limits.loginFailures { bye("Too many failed logins") }
    }
}
