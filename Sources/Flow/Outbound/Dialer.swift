import Dialogue
import Mail
import SMTP
import Store
import Synchronization

/// A conversation with a host, and what is known of it.
struct Link: Sendable {
    /// Messages over one connection.
    static let limit = 100

    var conversation: any Conversation
    /// As people know it: `mx.example.org [192.0.2.1]`.
    var name: String
    var address: IPAddress
    var served = 0

    var executor: (any TaskExecutor)? { conversation.executor }

    func serves(_ message: QueuedMessage) -> Bool {
        conversation.isOpen && served < Self.limit && (!message.requiresTLS || conversation.isVerified)
    }
}

/// Opens conversations with the hosts of a destination: which host, which address, how encrypted.
final class Dialer: Sendable {
    /// Seconds for which a host that failed to encrypt is spoken to in the clear.
    private static let clearTime: Int64 = 3_600
    private static let clearLimit = 10_000

    private let context: OutboundContext
    private let clear = Mutex<[IPAddress: Int64]>([:])

    init(_ context: OutboundContext) { self.context = context }

    /// The first host that is ready for the message. `tried`: addresses that are passed over.
    func open(for message: QueuedMessage, through smarthost: Smarthost?, without tried: Set<IPAddress>) async throws(Setback) -> Link {
        let routing = context.routing
        let hosts: [Routing.Host]
        if let smarthost {
            hosts = [try await routing.host(named: smarthost.host)]
        } else {
            hosts = try await routing.hosts(of: message.domain)
        }
        var last: Setback?
        for host in hosts where !host.addresses.allSatisfy(tried.contains) {
            let terms: Terms
            do throws(Setback) {
                terms = try await self.terms(host, message, smarthost, port: smarthost?.port ?? routing.port)
            } catch {
                last = error
                continue
            }
            for address in host.addresses where !tried.contains(address) {
                do throws(Setback) { return try await connect(address, host, terms) } catch { last = error }
            }
        }
        throw last ?? Setback("4.4.1", host: hosts.first?.name ?? "", reason: "send.unreachable")
    }

    private struct Terms: Sendable {
        var peer: Peer
        var requirement = PeerRequirement.opportunistic
        var tls: SendingConfiguration.TLSUse
        var proof = Hop.Proof.nothing
        var login: SendingLogin?

        var mayFallBack: Bool { tls == .whenOffered }
    }

    private func terms(
        _ host: Routing.Host, _ message: QueuedMessage, _ smarthost: Smarthost?, port: Int
    ) async throws(Setback) -> Terms {
        let peer = Peer(
            domain: message.domain, host: host.name, port: port, isRouteSecure: host.isRouteSecure, isAddressSecure: host.isAddressSecure)
        if let smarthost {
            var terms = Terms(peer: peer, tls: .required)
            switch smarthost.tls {
            case .never: terms.tls = .never
            case .offered: terms.tls = .whenOffered
            case .required: break
            case .verified: terms.proof = .certificate(names: [host.name])
            // RFC 8314 §3.3
            case .implicit:
                terms.tls = .implicit
                terms.proof = .certificate(names: [host.name])
            }
            if !smarthost.user.isEmpty { terms.login = SendingLogin(user: smarthost.user, password: Secret(smarthost.password)) }
            if message.requiresTLS, terms.tls != .implicit {
                terms.tls = .required
                terms.proof = .certificate(names: [host.name])
            }
            return terms
        }
        let setting = context.store.value(.outboundTLS)
        var terms = Terms(peer: peer, tls: setting == "never" ? .never : setting == "required" ? .required : .whenOffered)
        guard setting != "never" || message.requiresTLS else { return terms }
        terms.requirement = await context.security.requirement(for: peer)
        switch terms.requirement {
        case .opportunistic: break
        case .required(let proof):
            terms.tls = .required
            terms.proof = proof
        case .avoid(let reason):
            throw Setback(
                "4.7.5", host: host.name, detail: reason.values.map { "\($0.name): \($0.value)" }.joined(separator: ", "),
                reason: reason.key)
        }
        // RFC 8689 §4.2.1: encrypted, and with a certificate that is the host's.
        if message.requiresTLS {
            terms.tls = .required
            if terms.proof == .nothing { terms.proof = .certificate(names: [host.name]) }
        }
        return terms
    }

    private func connect(_ address: IPAddress, _ host: Routing.Host, _ terms: Terms) async throws(Setback) -> Link {
        let name = host.name == "\(address)" ? "[\(address)]" : "\(host.name) [\(address)]"
        var tls = terms.tls
        if terms.mayFallBack, isClear(address) { tls = .never }
        do throws(SendingFailure) {
            let conversation = try await context.transport.connect(to: hop(address, host, terms, tls))
            if conversation.tls != nil { await context.security.note(terms.peer, terms.requirement, nil) }
            return Link(conversation: conversation, name: name, address: address)
        } catch {
            // A host that goes away over STARTTLS can't do it, whatever it says.
            let isTLS =
                error.kind == .tlsFailed || error.kind == .tlsUnavailable
                || (error.stage == .startTLS && [.closed, .garbage, .timedOut].contains(error.kind))
            if isTLS { await context.security.note(terms.peer, terms.requirement, error) }
            // Better in the clear than not at all, where nobody asked for more (RFC 7435 §3). The host is remembered.
            guard isTLS, tls == .whenOffered else { throw Setback(error, host: name) }
            setClear(address)
        }
        do throws(SendingFailure) {
            let conversation = try await context.transport.connect(to: hop(address, host, terms, .never))
            return Link(conversation: conversation, name: name, address: address)
        } catch {
            throw Setback(error, host: name)
        }
    }

    private func hop(_ address: IPAddress, _ host: Routing.Host, _ terms: Terms, _ tls: SendingConfiguration.TLSUse) -> Hop {
        let source = IPAddress(context.store.value(.outboundAddress)).flatMap { $0.family == address.family ? $0 : nil }
        return Hop(
            address: address, port: terms.peer.port, host: host.name, proof: terms.proof,
            session: SendingConfiguration(hostname: context.hostname(), tls: tls, login: terms.login), source: source)
    }

    private func isClear(_ address: IPAddress) -> Bool {
        let now = context.now
        return clear.withLock { $0[address].map { $0 > now } ?? false }
    }

    private func setClear(_ address: IPAddress) {
        let now = context.now
        clear.withLock { clear in
            if clear.count >= Self.clearLimit { clear = clear.filter { $0.value > now } }
            if clear.count < Self.clearLimit { clear[address] = now + Self.clearTime }
        }
    }
}
