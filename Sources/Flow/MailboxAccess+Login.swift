import Dialogue
import IMAP
import Store

/// LOGIN and AUTHENTICATE.
extension MailboxAccess {
    func logIn(_ name: String, _ password: Secret) async throws(StoreFailure) -> IMAP.Answer {
        guard let dialogue else { return .refused(Self.refusal(AuthenticationFailure.temporary)) }
        switch await dialogue.check(user: name, password: password) {
        case .succeeded(let login): return try await enter(login) ? .accepted : .refused(Self.refusal(.wrong))
        case .failed(let failure): return .refused(Self.refusal(failure))
        case .challenge: return .refused(Self.refusal(AuthenticationFailure.temporary))
        }
    }

    func authenticate(_ move: AuthenticationMove) async throws(StoreFailure) -> IMAP.Answer {
        guard let dialogue else { return .authentication(.failed(.temporary)) }
        let outcome = await dialogue.move(move, tls)
        if case .succeeded(let login) = outcome, try await !enter(login) { return .authentication(.failed(.wrong)) }
        return .authentication(outcome)
    }

    /// False when the user was removed since.
    private func enter(_ login: String) async throws(StoreFailure) -> Bool {
        user = try await context.store.user(login)?.id
        return user != nil
    }

    /// RFC 5530 §3.
    private static func refusal(_ failure: AuthenticationFailure) -> IMAP.Refusal {
        switch failure {
        case .wrong, .malformed, .cancelled: IMAP.Refusal(code: "AUTHENTICATIONFAILED", "Authentication failed")
        case .throttled: IMAP.Refusal(code: "UNAVAILABLE", "Too many failed logins, try again later")
        case .temporary: IMAP.Refusal(code: "UNAVAILABLE", "Temporary failure, try again later")
        }
    }
}
