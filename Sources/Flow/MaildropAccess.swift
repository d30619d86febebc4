import Dialogue
import Mail
package import POP3
import Store

/// Answers the questions of one POP3 session.
package final class MaildropAccess: Responder {
    package typealias Question = POP3.Question
    package typealias Answer = POP3.Answer

    private let context: AccessContext
    private var maildrop: Maildrop?

    package init(_ context: AccessContext) { self.context = context }

    package func answer(_ question: POP3.Question) async throws -> POP3.Answer {
        do throws(StoreFailure) {
            switch question {
            case .open(let user, let password):
                guard let id = try await context.store.authenticate(user, password: password.bytes) else {
                    return .refused(.authentication)
                }
                let maildrop = try await context.store.openMaildrop(id)
                self.maildrop = maildrop
                return .opened(maildrop.messages.map { POP3.MaildropMessage(uid: $0.uid, uniqueID: $0.uniqueID, body: $0.body) })
            case .authenticate:
                return .authentication(.failed(.temporary))
            case .enter:
                return .refused(.temporary)
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

    private func release() {
        maildrop?.release()
        maildrop = nil
    }
}
