package import Mail
import Synchronization

/// Who is told when a mailbox has changed. A wake carries nothing: the session asks `changes`.
final class Wakes: Sendable {
    private struct State {
        var next = 0
        var calls: [Int64: [Int: @Sendable () -> Void]] = [:]
        var mailboxes: [Int: Int64] = [:]
    }

    private let state = Mutex(State())

    func add(_ mailbox: Int64, _ call: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.next += 1
            state.calls[mailbox, default: [:]][state.next] = call
            state.mailboxes[state.next] = mailbox
            return state.next
        }
    }

    func remove(_ token: Int) {
        state.withLock { state in
            guard let mailbox = state.mailboxes.removeValue(forKey: token) else { return }
            state.calls[mailbox]?[token] = nil
            if state.calls[mailbox]?.isEmpty == true { state.calls[mailbox] = nil }
        }
    }

    func wake(_ mailboxes: Set<Int64>) {
        let calls = state.withLock { state in
            mailboxes.flatMap { state.calls[$0].map { Array($0.values) } ?? [] }
        }
        for call in calls { call() }
    }

    /// Another process has changed something, nobody knows what.
    func wakeAll() {
        let calls = state.withLock { state in state.calls.values.flatMap { Array($0.values) } }
        for call in calls { call() }
    }
}

/// A subscription to a mailbox's wakes. It ends with `cancel`, or when nobody holds it any more.
package final class Wake: Sendable {
    private let wakes: Wakes
    private let token: Int

    init(wakes: Wakes, token: Int) {
        self.wakes = wakes
        self.token = token
    }

    deinit { wakes.remove(token) }

    package func cancel() { wakes.remove(token) }
}

extension MailStore {
    /// `call` runs after each commit that changed the mailbox, on the writer's thread: it may only note it and return. Subscribe
    /// before asking `select` or `changes`, and nothing is missed.
    package func subscribe(_ mailbox: MailboxID, _ call: @escaping @Sendable () -> Void) -> Wake {
        Wake(wakes: wakes, token: wakes.add(mailbox.rawValue, call))
    }
}
