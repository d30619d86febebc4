package import Dialogue
import Mail
package import POP3
import Store

/// Answers the questions of one POP3 session.
package final class MaildropAccess: Responder {
    package typealias Question = POP3.Question
    package typealias Answer = POP3.Answer

    private let context: AccessContext
    private var tls: TLSFacts?
    private let dialogue: AuthenticationDialogue?
    /// Who logged in by SASL. `.enter` opens his maildrop and no other.
    private var login: String?
    private var maildrop: Maildrop?

    package init(_ context: AccessContext, _ connection: Connection) {
        self.context = context
        tls = connection.tls
        dialogue = context.authenticator?.begin(connection, service: .pop)
    }

    package func secured(_ tls: TLSFacts) { self.tls = tls }

    package func answer(_ question: POP3.Question) async throws -> POP3.Answer {
        do throws(StoreFailure) {
            switch question {
            case .open(let user, let password):
                switch await dialogue?.check(user: user, password: password) {
                case .succeeded(let login): return try await open(login)
                case .failed(let failure): return .refused(Self.refusal(failure))
                case .challenge, nil: return .refused(.temporary)
                }
            case .authenticate(let move):
                guard let dialogue else { return .authentication(.failed(.temporary)) }
                let outcome = await dialogue.move(move, tls)
                if case .succeeded(let login) = outcome { self.login = login }
                return .authentication(outcome)
            case .enter(let login):
                guard login == self.login else { return .refused(.authentication) }
                return try await open(login)
            case .read(let body, let range):
                return .bytes(try await context.store.read(body, range))
            case .update(let uids):
                // The lock goes with the answer, whatever it is.
                defer { release() }
                try await maildrop?.update(delete: UIDSet(uids: uids))
                return .accepted
            case .release:
                release()
                return .accepted
            }
        } catch {
            if error.isTemporary, error != .inUse { context.report("pop3", "\(error)") }
            return .refused(error == .inUse ? .inUse : error.isTemporary ? .temporary : .permanent)
        }
    }

    package func take(_ piece: [UInt8]) async {}

    package func end() async { release() }

    private func open(_ login: String) async throws(StoreFailure) -> POP3.Answer {
        // Removed since.
        guard let user = try await context.store.user(login) else { return .refused(.authentication) }
        let maildrop = try await context.store.openMaildrop(user.id)
        self.maildrop = maildrop
        return .opened(maildrop.messages.map { POP3.MaildropMessage(uid: $0.uid, uniqueID: $0.uniqueID, body: $0.body) })
    }

    private static func refusal(_ failure: AuthenticationFailure) -> POP3.Refusal {
        switch failure {
        case .wrong, .malformed, .cancelled: .authentication
        case .throttled: .throttled
        case .temporary: .temporary
        }
    }

    private func release() {
        maildrop?.release()
        maildrop = nil
    }
}
