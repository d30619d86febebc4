import GRDB
package import Mail
import Synchronization

/// A message of a maildrop (RFC 1939).
package struct MaildropMessage: Sendable, Equatable {
    package var uid: UID
    /// `uidvalidity-uid`: the same for ever.
    package var uniqueID: String
    package var body: BodyReference
}

/// A user's INBOX as POP3 has it: locked for one session until `release`, or until nobody holds it any more.
package final class Maildrop: Sendable {
    package let mailbox: MailboxID
    package let messages: [MaildropMessage]
    private let user: UserID
    private let store: MailStore
    private let isHeld = Atomic(true)

    fileprivate init(mailbox: MailboxID, messages: [MaildropMessage], user: UserID, store: MailStore) {
        self.mailbox = mailbox
        self.messages = messages
        self.user = user
        self.store = store
    }

    deinit { release() }

    /// Removes these messages durably. The lock stays.
    package func update(delete uids: UIDSet) async throws(StoreFailure) {
        guard !uids.isEmpty else { return }
        _ = try await store.remove(mailbox, uids)
    }

    package func release() {
        // Once: the next session's lock is not ours to open.
        guard isHeld.exchange(false, ordering: .relaxed) else { return }
        store.maildrops.withLock { _ = $0.remove(user.rawValue) }
    }
}

extension MailStore {
    /// Takes the exclusive lock (RFC 1939 §4) and lists the maildrop, by UID. `.inUse` when another session has it.
    package func openMaildrop(_ user: UserID) async throws(StoreFailure) -> Maildrop {
        guard maildrops.withLock({ $0.insert(user.rawValue).inserted }) else { throw .inUse }
        do throws(StoreFailure) {
            let (mailbox, messages) = try await read { db in
                let inbox = try db.first(
                    "SELECT id, uidvalidity FROM mailbox WHERE user_id = ? AND name = 'INBOX'", .integer(user.rawValue)
                ) { (id: $0.int64(0), validity: $0.int64(1)) }
                guard let inbox else { throw StoreFailure.nonExistent }
                let rows = try db.messages(inbox.id, UIDSet(1...UID.max), .body, limit: .max)
                return (inbox.id, rows.map { MaildropMessage(uid: $0.uid, uniqueID: "\(inbox.validity)-\($0.uid)", body: $0.body) })
            }
            return Maildrop(mailbox: MailboxID(mailbox), messages: messages, user: user, store: self)
        } catch {
            maildrops.withLock { _ = $0.remove(user.rawValue) }
            throw error
        }
    }
}
