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

/// A door that is open, whatever is behind it.
protocol OpenDoor: Service {
    var shown: Control.Reply.Door { get }
    /// For a door that never served: another one could not be opened.
    func closeNow() async
}

/// Serves one door; at shutdown closes it and lets its sessions finish.
struct DoorService<Session: ServerSession & ~Copyable, R: Responder>: OpenDoor
where R.Question == Session.Question, R.Answer == Session.Answer {
    let name: String
    let address: String
    let listener: Listener<Session, R>

    var shown: Control.Reply.Door {
        Control.Reply.Door(name: name, address: address, port: listener.port, connections: listener.connections)
    }

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
