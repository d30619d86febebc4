import Dialogue
import Network
import ServiceLifecycle
import Store

/// Keeps the store open until everything above it has ended.
struct StoreService: Service {
    let store: MailStore

    func run() async throws {
        try? await gracefulShutdown()
        await store.close()
    }
}

/// A listening port while it is served.
protocol ServedDoor: Service {
    /// `smtp`, `pop3`, `imap`.
    var name: String { get }
    var port: Int { get }
    /// For a door that never served: another one could not be opened.
    func closeNow() async
}

/// Serves one door; at shutdown closes it and lets its sessions finish.
struct DoorService<Session: ServerSession & ~Copyable, R: Responder>: ServedDoor
where R.Question == Session.Question, R.Answer == Session.Answer {
    let listener: Listener<Session, R>

    var name: String { listener.name }
    var port: Int { listener.port }

    func run() async throws {
        await withGracefulShutdownHandler {
            await listener.run()
        } onGracefulShutdown: {
            Task { await listener.close(grace: Appliance.grace) }
        }
    }

    func closeNow() async {
        await listener.close(grace: .zero)
        await listener.run()
    }
}
