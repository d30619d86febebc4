import Filter
import Flow
import Glibc
import Network
import SASL
import Store
import Synchronization
import TLS

/// What all doors share.
struct House: Sendable {
    let certificates: Certificates
    let live: LiveConfiguration
    let workshop: Workshop
    let queueIDs = QueueIDs()
    let handshakes: HandshakePool
    let reception: ReceptionContext
    let access: AccessContext

    init(
        _ store: MailStore, _ certificates: Certificates, _ complaints: Complaints, _ filterLog: FilterLog, _ inspector: any Inspector,
        connectionCap: Int
    ) async throws {
        self.certificates = certificates
        let mechanisms: SASLLibrary
        do {
            mechanisms = try SASLLibrary.load()
        } catch {
            throw CommandFailure(text("serve.sasl", ["reason": error.description]))
        }
        let live = LiveConfiguration(store, connectionCap: connectionCap, mechanisms: mechanisms.names)
        self.live = live
        let cores = sysconf(CInt(_SC_NPROCESSORS_ONLN))
        workshop = Workshop(threads: max(2, cores))
        handshakes = HandshakePool(threads: max(2, cores))
        // Passwords are checked apart: a flood of logins holds up no mail.
        let authenticator = try await Authenticator(
            store: store, workshop: Workshop(threads: max(2, cores)), mechanisms: mechanisms, name: { live.values.hostname },
            clock: Clock.microseconds, report: complaints.report)
        var reception = ReceptionContext(
            store: store, workshop: workshop, queueIDs: queueIDs, name: { live.values.hostname }, clock: Clock.microseconds,
            zone: Clock.zone, report: complaints.report, words: { Text.report($1)($0) }, authenticator: authenticator)
        reception.language = { text.language.rawValue }
        reception.inspector = inspector
        reception.log = filterLog.tell
        self.reception = reception
        // One core stays for whoever does not search.
        access = AccessContext(
            store: store, workshop: workshop, searches: Workshop(threads: max(1, cores - 1)), report: complaints.report,
            authenticator: authenticator)
    }
}

/// The ports that the system or the offset chose, once the doors are open.
final class Ports: Sendable {
    private let state = Mutex(25)

    var smtp: Int { state.withLock { $0 } }

    func note(_ doors: [any ServedDoor]) {
        guard let door = doors.first(where: { $0.name == "smtp" }) else { return }
        state.withLock { $0 = door.port }
    }
}
