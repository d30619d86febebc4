import Logging
import Network
import ServiceLifecycle
import Store
import UnixSignals

/// An appliance whose doors are open. Connections wait until it runs.
struct OpenAppliance: Sendable {
    let store: MailStore
    let doors: [any ServedDoor]
    let certificates: Certificates
    let checks: CheckService
    let restart: Restart
    private let loops: Loops
    private let group: ServiceGroup

    init(
        store: MailStore, control: any ServedDoor, doors: [any ServedDoor], certificates: Certificates, outbound: Outbound,
        checks: CheckService, signatures: SignatureService?, restart: Restart, loops: Loops, log: Logger, stoppedBy signals: [UnixSignal]
    ) {
        self.store = store
        self.doors = doors
        self.certificates = certificates
        self.checks = checks
        self.restart = restart
        self.loops = loops
        // The service group's own talk is for whoever debugs it.
        var quiet = log
        quiet.logLevel = .error
        // The doors close first, the store last.
        var services: [any Service] = [
            StoreService(store: store), checks, SettingsWatch(certificates: certificates, names: outbound.names),
            OutboundService(outbound: outbound),
            DoorsService(doors: [control]),
            DoorsService(doors: doors), MemoryReturn(),
            Announcement(log: log),
        ]
        if let signatures { services.insert(signatures, at: 1) }
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) }, gracefulShutdownSignals: signals, logger: quiet)
        configuration.maximumGracefulShutdownDuration = Appliance.grace + .seconds(20)
        group = ServiceGroup(configuration: configuration)
    }

    /// Serves until one of the signals, or `stop`. Then the doors close, sessions finish, and the store lets the directory go.
    func run() async throws {
        do {
            try await group.run()
        } catch {
            await store.close()
            try? await loops.shutdown()
            throw error
        }
        try await loops.shutdown()
    }

    /// What a signal does: `run` returns when everything has ended.
    func stop() async { await group.triggerGracefulShutdown() }
}
