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
    /// What was in force when it was opened.
    var grounds: Grounds
    var served = 0

    var executor: (any TaskExecutor)? { conversation.executor }

    /// Whether the message may leave by it, as things stand now.
    func serves(_ message: QueuedMessage, _ grounds: Grounds) -> Bool {
        conversation.isOpen && served < Self.limit && self.grounds == grounds && (!message.insistsOnTLS || conversation.isProtected)
    }

    /// The settings and the route by which connections are made. A connection made by others serves no more: less encryption, another
    /// password.
    struct Grounds: Sendable, Equatable {
        private static let settings: [Setting] = [.outboundTLS, .dane, .mtaSTS, .outboundAddress, .outboundFamily, .outboundPort]

        private let values: [String]
        private let smarthost: Smarthost?

        init(_ store: MailStore, _ smarthost: Smarthost?) {
            values = Self.values(store)
            self.smarthost = smarthost
        }

        static func values(_ store: MailStore) -> [String] { settings.map { store.value($0) } }
    }
}

extension Conversation {
    /// RFC 8689 §4.2.1: verified, and the host passes the message on in the same way.
    var isProtected: Bool { isVerified && takesRequireTLS }
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
        let grounds = Link.Grounds(context.store, smarthost)
        let hosts: [Routing.Host]
        if let smarthost {
            hosts = [try await routing.host(named: smarthost.host)]
        } else {
            hosts = try await routing.hosts(of: message.domain)
        }
        var last: Setback?
        func take(_ setback: Setback) {
            // RFC 8689 §4.2.1: a message that insists is given up only once every host was there and could not.
            if message.insistsOnTLS, let last, !last.isPermanent { return }
            last = setback
        }
        for host in hosts where !host.addresses.allSatisfy(tried.contains) {
            let terms: DialingTerms
            do throws(Setback) {
                if let smarthost {
                    terms = try await DialingTerms(host, message, through: smarthost, context)
                } else {
                    terms = try await DialingTerms(host, message, context)
                }
            } catch {
                take(error)
                continue
            }
            for address in host.addresses where !tried.contains(address) {
                do throws(Setback) {
                    let link = try await connect(address, host, terms, grounds, insists: message.insistsOnTLS)
                    guard message.insistsOnTLS, !link.conversation.isProtected else { return link }
                    await link.conversation.close()
                    take(Setback(isPermanent: true, "5.7.30", host: link.name, reason: "send.no-require-tls"))
                } catch { take(error) }
            }
        }
        throw last ?? Setback("4.4.1", host: hosts.first?.name ?? "", reason: "send.unreachable")
    }

    private func connect(
        _ address: IPAddress, _ host: Routing.Host, _ terms: DialingTerms, _ grounds: Link.Grounds, insists: Bool
    ) async throws(Setback) -> Link {
        let name = host.name == "\(address)" ? "[\(address)]" : "\(host.name) [\(address)]"
        var tls = terms.tls
        if terms.mayFallBack, isClear(address) { tls = .never }
        do throws(SendingFailure) {
            let conversation = try await context.transport.connect(to: hop(address, host, terms, tls))
            if conversation.tls != nil {
                await context.security.note(terms.peer, terms.requirement, conversation.shortfall)
            } else if tls == .whenOffered {
                await context.security.note(
                    terms.peer, terms.requirement, SendingFailure(.tlsUnavailable, .startTLS, "STARTTLS was not offered"))
            }
            return Link(conversation: conversation, name: name, address: address, grounds: grounds)
        } catch {
            // A host that goes away over STARTTLS can't do it, whatever it says.
            let isTLS =
                error.kind == .tlsFailed || error.kind == .tlsUnavailable
                || (error.stage == .startTLS && [.closed, .garbage, .timedOut].contains(error.kind))
            if isTLS { await context.security.note(terms.peer, terms.requirement, error) }
            // Better in the clear than not at all, where nobody asked for more (RFC 7435 §3). The host is remembered.
            guard isTLS, tls == .whenOffered else { throw Setback(error, host: name, insists: insists) }
            setClear(address)
        }
        do throws(SendingFailure) {
            let conversation = try await context.transport.connect(to: hop(address, host, terms, .never))
            return Link(conversation: conversation, name: name, address: address, grounds: grounds)
        } catch {
            throw Setback(error, host: name)
        }
    }

    private func hop(_ address: IPAddress, _ host: Routing.Host, _ terms: DialingTerms, _ tls: SendingConfiguration.TLSUse) -> Hop {
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
