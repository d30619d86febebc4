import Dialogue
import Filter
import Flow
import FoundationEssentials
import Glibc
import IMAP
import Logging
import Mail
import Network
import POP3
import Resolution
import SMTP
import Store
import UnixSignals

/// The one place where everything meets: opens the data directory, opens the doors, and serves until it is told to stop.
struct Appliance {
    var directory: String
    /// Addresses to listen on.
    var hosts: [String]
    /// Added to each protocol's own port; nil lets the system choose free ones.
    var portOffset: Int?
    var log: Logger
    /// Connections that may be open at once, over all doors of a protocol.
    var connectionCap = Self.descriptorsAllow
    /// Answers for the DNS in tests; nil: the resolver, as the settings have it.
    var resolver: (any Resolver)?
    /// Looks into messages in tests; nil: libclamav and the walk through archives.
    var inspector: (any Inspector)?
    /// Told the name of each part that is looked at, for tests.
    var onPart: (@Sendable (String) -> Void)?
    /// What the store is opened with.
    var storage = Storage()

    /// How long sessions have to finish after the order to stop.
    static let grace = Duration.seconds(20)

    /// The store's seams, for tests.
    struct Storage: Sendable {
        var options = MailStore.Options()
        var files: any FileSystem = KernelFileSystem()
        /// Told each step of a batch.
        var step: @Sendable (String) -> Void = { _ in }
    }

    /// Answers whether it had better begin anew at once.
    func serve() async throws -> Bool {
        let open = try await open(stoppedBy: [.sigterm, .sigint])
        try await open.run()
        log.info("stopped")
        return open.restart.isRequested
    }

    /// Opens everything, or nothing. Who asks for it runs it.
    func open(stoppedBy signals: [UnixSignal] = []) async throws -> OpenAppliance {
        let complaints = Complaints(log)
        var options = storage.options
        // It counts to the minute by itself.
        options.report = { [log] in log.error("store: \($0)") }
        let store = try await MailStore.open(
            directory: directory, options: options, files: storage.files, step: storage.step)
        if store.isRoot { log.warning("\(text("serve.root"))") }
        let loops = Loops()
        do {
            let certificates = try await Certificates(store, log: log)
            let restart = Restart()
            let checks = await Checks(store, log, complaints, onPart: onPart) { [log] in
                log.error("\(text("serve.stuck"))")
                restart.request()
            }
            let house = try await House(
                store, certificates, complaints, FilterLog(log), inspector ?? checks, connectionCap: connectionCap)
            let ports = Ports()
            let outbound = try Outbound(
                store, loops, house.handshakes, house.queueIDs, house.workshop, resolver: resolver, hosts: hosts,
                smtpPort: { ports.smtp }, log: log, complaints: complaints)
            let doors = try await openDoors(house, loops)
            ports.note(doors)
            let control = try await openControl(store, loops, doors, queue: outbound.queue, checks)
            let appliance = OpenAppliance(
                store: store, control: control, doors: doors, certificates: certificates, outbound: outbound,
                checks: CheckService(checks, house.reception),
                // Tests, whose names are made up, fetch nothing.
                signatures: outbound.names == nil
                    ? nil : SignatureService(store: store, checks: checks, log: log, complaints: complaints),
                restart: restart, loops: loops, log: log,
                stoppedBy: signals)
            restart.arm { await appliance.stop() }
            return appliance
        } catch {
            await store.close()
            try? await loops.shutdown()
            throw error
        }
    }

    private func openControl(
        _ store: MailStore, _ loops: Loops, _ doors: [any ServedDoor], queue: OutboundQueue, _ checks: Checks
    ) async throws -> any ServedDoor {
        let door = Door(
            name: "control", caps: { ConnectionCaps(total: 16) }, refusal: [], session: { _ in ControlSession() },
            responder: { _, _ in
                ControlResponder(
                    store: store, flush: { queue.wake() }, rests: { queue.rests(of: $0) },
                    signatures: { LoadedSignatures(checks.status) }
                ) { doors.map(\.shown) }
            })
        let path = Control.path(directory)
        do {
            let listener = try await Listener.bind(door, path: path, loops: loops, log: log)
            return ListeningDoor(name: door.name, address: path, listener: listener)
        } catch {
            for door in doors { await door.closeNow() }
            if path.utf8.count > 100 { throw CommandFailure(text("open.path-too-long", ["directory": directory])) }
            throw CommandFailure(text("serve.bind", ["address": path, "door": door.name, "reason": Self.reason(error)]))
        }
    }

    static func reason(_ error: any Error) -> String {
        guard let code = errorNumber(error) else { return "\(error)" }
        switch code {
        case EADDRINUSE: return text("serve.bind.inuse")
        case EACCES: return text("serve.bind.denied")
        case EADDRNOTAVAIL: return text("serve.bind.noaddress")
        default: return String(cString: strerror(code))
        }
    }

    /// As many connections as file descriptors allow, with some kept for files.
    private static var descriptorsAllow: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 900 }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return max(100, min(20_000, Int(clamping: limit.rlim_cur) - 100))
    }

    /// The setting, else the machine's own fully qualified name, else `localhost`.
    static func hostname(_ store: MailStore) -> String {
        let set = store.value(.hostname)
        if !set.isEmpty { return set }
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let name = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).lowercased()
        guard let domain = try? Domain(parsing: name, allowUTF8: false) else { return "localhost" }
        return domain.ascii
    }
}

/// The machine's clock and zone.
enum Clock {
    static let microseconds: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    static let zone: @Sendable (Int64) -> Int16 = { seconds in
        var moment = time_t(seconds)
        var local = tm()
        localtime_r(&moment, &local)
        return Int16(clamping: local.tm_gmtoff / 60)
    }
}
