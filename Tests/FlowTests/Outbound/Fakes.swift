import Dialogue
import Glibc
import Mail
import Resolution
import SMTP
import Store
import Synchronization

@testable import Flow

/// Records by name and type.
final class ZoneTable: Resolver {
    enum Entry: Sendable {
        case mx([(UInt16, String)])
        case a([String])
        /// A and AAAA, and where its CNAME leads.
        case host([String], [String], canonical: String? = nil)
        case noName
        case failed
    }

    private let zone: Mutex<[String: Entry]>

    init(_ zone: [String: Entry]) { self.zone = Mutex(zone) }

    func lookUp<Record: ResourceRecord>(_ type: Record.Type, _ name: String) async -> Lookup<Record> {
        switch zone.withLock({ $0[name] }) {
        case .noName: return Lookup(outcome: .noName)
        case .failed: return Lookup(outcome: .failed(reason: "SERVFAIL"))
        case .mx(let records) where type == MXRecord.self:
            let found = records.map { MXRecord(preference: $0.0, exchange: $0.1) as? Record }.compactMap { $0 }
            return Lookup(outcome: .found(found), canonicalName: name)
        case .a(let addresses) where type == ARecord.self:
            return Lookup(
                outcome: .found(addresses.compactMap { IPAddress($0) }.compactMap { Record(wire: $0.bytes) }), canonicalName: name)
        case .host(let four, let six, let canonical) where type == ARecord.self || type == AAAARecord.self:
            let found = (type == ARecord.self ? four : six).compactMap { IPAddress($0) }.compactMap { Record(wire: $0.bytes) }
            return Lookup(outcome: found.isEmpty ? .noData : .found(found), isSecure: true, canonicalName: canonical ?? name)
        case .mx, .a, .host, nil: return Lookup(outcome: .noData, canonicalName: name)
        }
    }
}

/// A network of hosts that answer as they are told to.
final class FakeNetwork: Transport {
    struct Delivered: Sendable, Equatable {
        var host: String
        var sender: String
        var recipients: [String]
        var content: String
    }

    struct State {
        var delivered: [Delivered] = []
        var connections = 0
        var open: [String: Int] = [:]
        var mostOpen: [String: Int] = [:]
        var hops: [Hop] = []
    }

    let state = Mutex(State())
    /// Nil: the connection is taken.
    let refuse: @Sendable (Hop) -> SendingFailure?
    let answer: @Sendable (String, OutgoingMessage) -> [RecipientOutcome]
    let facts: @Sendable (Hop) -> Facts
    let delay: Duration

    init(
        delay: Duration = .zero, refuse: @escaping @Sendable (Hop) -> SendingFailure? = { _ in nil },
        facts: @escaping @Sendable (Hop) -> Facts = { _ in Facts() },
        answer: @escaping @Sendable (String, OutgoingMessage) -> [RecipientOutcome] = { _, message in
            message.recipients.map { _ in .accepted(Reply(250, "2.0.0", "Ok"), relaysDSN: false) }
        }
    ) {
        self.delay = delay
        self.refuse = refuse
        self.facts = facts
        self.answer = answer
    }

    var delivered: [Delivered] { state.withLock { $0.delivered } }

    func connect(to hop: Hop) async throws(SendingFailure) -> any Conversation {
        state.withLock { $0.hops.append(hop) }
        if let failure = refuse(hop) { throw failure }
        state.withLock { state in
            state.connections += 1
            state.open[hop.host, default: 0] += 1
            state.mostOpen[hop.host] = max(state.mostOpen[hop.host] ?? 0, state.open[hop.host] ?? 0)
        }
        return Talk(network: self, host: hop.host, facts: facts(hop))
    }

    /// What a conversation says of its security.
    struct Facts: Sendable {
        var tls: TLSFacts?
        var isVerified = false
        var shortfall: SendingFailure?
        var takesRequireTLS = false
    }

    final class Talk: Conversation {
        let network: FakeNetwork
        let host: String
        let facts: Facts
        private let isClosed = Atomic(false)
        init(network: FakeNetwork, host: String, facts: Facts) {
            self.network = network
            self.host = host
            self.facts = facts
        }

        var tls: TLSFacts? { facts.tls }
        var isVerified: Bool { facts.isVerified }
        var shortfall: SendingFailure? { facts.shortfall }
        var takesRequireTLS: Bool { facts.takesRequireTLS }
        var isOpen: Bool { !isClosed.load(ordering: .acquiring) }

        func send(_ message: OutgoingMessage, _ content: any ContentSource) async -> [RecipientOutcome] {
            if network.delay != .zero { try? await Task.sleep(for: network.delay) }
            let outcomes = network.answer(host, message)
            var text: [UInt8] = []
            while let piece = try? await content.read(at: text.count, limit: 1 << 16), !piece.isEmpty { text += piece }
            let taken = zip(message.recipients, outcomes).filter { if case .accepted = $1 { true } else { false } }.map(\.0.address)
            if !taken.isEmpty {
                network.state.withLock {
                    $0.delivered.append(
                        Delivered(
                            host: host, sender: message.sender, recipients: taken, content: String(decoding: text, as: UTF8.self)))
                }
            }
            if outcomes.contains(where: { if case .broken = $0 { true } else { false } }) { await close() }
            return outcomes
        }

        func close() async {
            guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
            network.state.withLock { $0.open[host, default: 1] -= 1 }
        }
    }
}

/// A store, a queue over fakes, and a clock that stands still until it is moved.
final class Outside: Sendable {
    let path: String
    let store: MailStore
    let network: FakeNetwork
    let queue: OutboundQueue
    let clock: Clock
    let context: OutboundContext
    let failures = Mutex<[String]>([])

    final class Clock: Sendable {
        let seconds = Atomic<Int64>(Int64(time(nil)))
        func advance(_ by: Int64) { seconds.add(by, ordering: .relaxed) }
    }

    init(
        _ network: FakeNetwork,
        _ zone: [String: ZoneTable.Entry] = ["b.test": .mx([(10, "mx.b.test")]), "mx.b.test": .a(["192.0.2.1"])]
    ) async throws {
        var template = Array("/tmp/buzon-flow-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? "" }
        var options = MailStore.Options()
        options.keepsHouse = false
        store = try await MailStore.open(directory: path + "/data", options: options)
        try await store.set(.iterations, to: "4096")
        try await store.addDomain("virtual.test")
        _ = try await store.addUser("yo@virtual.test", password: Array("secreto".utf8))
        let clock = Clock()
        self.clock = clock
        self.network = network
        let context = OutboundContext(
            store: store, transport: network, resolver: ZoneTable(zone), workshop: Workshop(threads: 2), queueIDs: QueueIDs(),
            hostname: { "mail.virtual.test" }, clock: { clock.seconds.load(ordering: .relaxed) * 1_000_000 },
            words: { language, key, values in "\(language):\(key) " + values.map { "\($0.0)=\($0.1)" }.joined(separator: ",") })
        self.context = context
        queue = OutboundQueue(context)
    }

    deinit { _ = system("rm -rf '\(path)'") }

    func queue(
        _ id: String, to recipients: [Outgoing.Recipient], sender: String = "yo@virtual.test", ret: String? = nil, due: Int64 = 0,
        requiresTLS: Bool = false, content: String = "Subject: hola\r\n\r\nHola\r\n"
    ) async throws {
        let spool = store.spool()
        try spool.append(Array(content.utf8))
        var delivery = Delivery(spool: spool, envelope: [], structure: [], date: InternalDate(seconds: 0), recipients: [])
        delivery.outgoing = Outgoing(queueID: id, sender: sender, recipients: recipients, ret: ret, requiresTLS: requiresTLS, due: due)
        _ = try await store.deliver(delivery)
    }

    /// Runs the queue until `isDone`, at most 20 seconds.
    func run(until isDone: @escaping @Sendable () async throws -> Bool) async throws -> Bool {
        let running = Task { await queue.run() }
        var result = false
        for _ in 0..<400 {
            if try await isDone() {
                result = true
                break
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        running.cancel()
        await running.value
        return result
    }

    /// INBOX of yo@virtual.test.
    func inbox() async throws -> [String] {
        let user = try await store.withAddressBook { try $0.user("yo@virtual.test") }
        guard let user else { return [] }
        let mailbox = try await store.status(user, "INBOX").id
        var texts: [String] = []
        for row in try await store.messages(mailbox, UIDSet(1...UID.max), [.body, .size]) {
            var bytes: [UInt8] = []
            while bytes.count < row.size { bytes += try await store.read(row.body, bytes.count..<row.size) }
            texts.append(String(decoding: bytes, as: UTF8.self))
        }
        return texts
    }
}
