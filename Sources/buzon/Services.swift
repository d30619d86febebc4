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

protocol ClosableDoor: Service {
    /// For a door that never served: another one could not be opened.
    func closeNow() async
}

/// Serves one door; at shutdown closes it and lets its sessions finish.
struct DoorService<Session: ServerSession & ~Copyable, R: Responder>: ClosableDoor
where R.Question == Session.Question, R.Answer == Session.Answer {
    let listener: Listener<Session, R>

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
