import CEmbedded
import Dialogue
import Glibc
import Logging
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

/// A listening port, whatever is behind it.
protocol ServedDoor: Sendable {
    /// `smtp`, `pop3`, `imap`.
    var name: String { get }
    var port: Int { get }
    var shown: Control.Reply.Door { get }
    /// Returns when the door was closed and its last session has ended.
    func serve() async
    /// Takes no further connection, and cuts off the sessions that have not ended after `grace`.
    func close(grace: Duration) async
}

extension ServedDoor {
    /// For a door that never served: another one could not be opened.
    func closeNow() async {
        await close(grace: .zero)
        await serve()
    }
}

struct ListeningDoor<Session: ServerSession & ~Copyable, R: Responder>: ServedDoor
where R.Question == Session.Question, R.Answer == Session.Answer {
    let name: String
    let address: String
    let listener: Listener<Session, R>

    var port: Int { listener.port }

    var shown: Control.Reply.Door {
        Control.Reply.Door(name: name, address: address, port: listener.port, connections: listener.connections)
    }

    func serve() async { await listener.run() }
    func close(grace: Duration) async { await listener.close(grace: grace) }
}

/// Serves doors; at shutdown closes all of them at once and lets their sessions finish.
struct DoorsService: Service {
    let doors: [any ServedDoor]

    func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                for door in doors { group.addTask { await door.serve() } }
            }
        } onGracefulShutdown: {
            for door in doors { Task { await door.close(grace: Appliance.grace) } }
        }
    }
}

/// Says that everything is open, once signals are listened to.
struct Announcement: Service {
    let log: Logger

    func run() async throws {
        log.info("ready")
        try? await gracefulShutdown()
    }
}

/// Gives memory that a burst of work left behind back to the system: glibc keeps freed pages otherwise.
struct MemoryReturn: Service {
    static let interval = Duration.seconds(30)

    func run() async throws {
        // The sleep that shutdown cuts short is the ordinary end.
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                malloc_trim(0)
            }
        }
    }
}

/// Looks every second for what has changed outside of the doors: certificates (a few `stat` calls), the resolver's settings.
struct SettingsWatch: Service {
    static let interval = Duration.seconds(1)

    let certificates: Certificates
    let names: Names?

    func run() async throws {
        // The sleep that shutdown cuts short is the ordinary end.
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                await certificates.refresh()
                names?.refresh()
            }
        }
    }
}
