import DNS
import Flow
import HTTPS
import Logging
import Mail
import NIOCore
import Network
import Resolution
import ServiceLifecycle
import Store
import Synchronization
import TLS

/// The way out: names, policies, connections, and the queue that uses them.
struct Outbound: Sendable {
    let queue: OutboundQueue
    let results: TLSResults
    let policies: TransportPolicies
    let store: MailStore
    /// Nil where tests answer.
    let names: Names?

    init(
        _ store: MailStore, _ loops: Loops, _ handshakes: HandshakePool, _ queueIDs: QueueIDs, _ workshop: Workshop,
        resolver given: (any Resolver)?, hosts: [String], smtpPort: @escaping @Sendable () -> Int, log: Logger, complaints: Complaints
    ) throws {
        names = given == nil ? try Names(store, log: log) : nil
        guard let resolver = given ?? names?.resolver else { throw CommandFailure(text("serve.dns", ["reason": ""])) }
        let seconds: @Sendable () -> Int64 = { Clock.microseconds() / 1_000_000 }
        let client: ClientContext
        do {
            client = try ClientContext()
        } catch {
            throw CommandFailure(error.detail)
        }
        let results = TLSResults(store: store, now: seconds)
        self.results = results
        let policies = TransportPolicies(
            store: store, resolver: resolver, fetcher: HTTPSPolicyFetcher(resolver: resolver, client: HTTPSFetcher()), now: seconds)
        self.policies = policies
        self.store = store
        let security = PublishedSecurity(resolver: resolver, policies: policies, results: results) {
            PublishedSecurity.Switches(dane: store.bool(.dane), sts: store.bool(.mtaSTS))
        }
        let dialer = OutboundDialer(loops: loops, pool: handshakes) { client }
        var context = OutboundContext(
            store: store, transport: OutboundTransport(dialer: dialer), resolver: resolver, security: security, workshop: workshop,
            queueIDs: queueIDs, hostname: { Appliance.hostname(store) }, clock: Clock.microseconds,
            words: { language, key, values in Text.report(language).words(key, values) }, report: complaints.report)
        context.log = { log.info("\($0)") }
        context.language = { text.language.rawValue }
        context.isOurs = { address, port in port == smtpPort() && LocalAddresses.contains(address, hosts) }
        let named = NamedIPv6(resolver) {
            if let set = IPAddress(store.value(.outboundAddress)), set.family == .v6 { return [set] }
            return ((try? System.enumerateDevices()) ?? []).compactMap { $0.address?.ipAddress.flatMap(IPAddress.init) }
        }
        context.hasNamedIPv6 = { await named.value }
        queue = OutboundQueue(context)
    }
}

/// The resolver as the settings have it.
final class Names: Sendable {
    let resolver: UnboundResolver
    private let store: MailStore
    private let log: Logger
    private let taken: Mutex<DNS.Options>

    init(_ store: MailStore, log: Logger) throws {
        self.store = store
        self.log = log
        let options = Self.options(store)
        taken = Mutex(options)
        do {
            resolver = try UnboundResolver(options)
        } catch {
            // A server whose settings are wrong still takes mail in; what leaves waits.
            log.error("dns: \(error)")
            do {
                resolver = try UnboundResolver(DNS.Options(forwarders: "127.0.0.1@1", trustAnchors: "", localNames: ""))
            } catch {
                throw CommandFailure(text("serve.dns", ["reason": "\(error)"]))
            }
        }
    }

    /// Takes settings that have changed. Wrong ones change nothing, and are told.
    func refresh() {
        let options = Self.options(store)
        let isNew = taken.withLock { taken in
            defer { taken = options }
            return taken != options
        }
        guard isNew else { return }
        do {
            try resolver.configure(options)
        } catch {
            log.error("dns: \(error)")
        }
    }

    private static func options(_ store: MailStore) -> DNS.Options {
        DNS.Options(
            forwarders: store.value(.forwarders), trustAnchors: store.value(.trustAnchors), localNames: store.value(.localNames))
    }
}

/// Whether an address is one of this machine's on which the server listens.
private enum LocalAddresses {
    static func contains(_ address: IPAddress, _ hosts: [String]) -> Bool {
        let listened = hosts.compactMap(IPAddress.init)
        if listened.contains(address) { return true }
        let isEverywhere = listened.contains { $0.bytes.allSatisfy { $0 == 0 } } || hosts.contains("localhost")
        guard isEverywhere, let devices = try? System.enumerateDevices() else { return false }
        return devices.contains { $0.address?.ipAddress.flatMap(IPAddress.init) == address }
    }
}

/// Runs the queue from before the doors open until after they have closed.
struct OutboundService: Service {
    /// For messages under way at the end.
    static let grace = Duration.seconds(5)

    let outbound: Outbound

    func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await outbound.queue.run() }
            group.addTask {
                while (try? await Task.sleep(for: .seconds(60))) != nil { await outbound.results.flush() }
            }
            group.addTask {
                while (try? await Task.sleep(for: .seconds(1_800))) != nil {
                    if outbound.store.bool(.mtaSTS) { await outbound.policies.refresh() }
                }
            }
            try? await gracefulShutdown()
            await outbound.queue.finish(grace: Self.grace)
            group.cancelAll()
        }
        await outbound.results.flush()
    }
}
