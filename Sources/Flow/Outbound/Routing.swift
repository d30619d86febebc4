package import Mail
package import Resolution
import SMTP

/// Finds the hosts of a domain (RFC 5321 §5).
package struct Routing: Sendable {
    /// Addresses that one attempt tries at most; RFC 5321 §5.1 asks for two at least.
    package static let addressLimit = 6
    /// MX records that are looked at.
    static let hostLimit = 20

    package enum Family: String, Sendable {
        /// IPv4 first, unless our own IPv6 address has a name.
        case auto, ipv4, ipv6First = "ipv6-first", ipv6
    }

    package struct Host: Sendable, Equatable {
        /// A-label; of a literal the address.
        package var name: String
        package var addresses: [IPAddress]
        package var path: DANE.Path
        package var security: DANE.Addresses
    }

    package var resolver: any Resolver
    /// A-label, lower case.
    package var hostname: String
    package var port: Int
    package var family: Family
    /// Whether a connection there would reach this very server.
    package var isOurs: @Sendable (IPAddress, Int) -> Bool
    /// Whether the address that we send from by IPv6 has a name.
    package var hasNamedIPv6: @Sendable () async -> Bool
    /// Which of equal hosts comes first: an index below the number given.
    package var choose: @Sendable (Int) -> Int

    package init(
        resolver: any Resolver, hostname: String, port: Int = 25, family: Family = .auto,
        isOurs: @escaping @Sendable (IPAddress, Int) -> Bool = { _, _ in false },
        hasNamedIPv6: @escaping @Sendable () async -> Bool = { false },
        choose: @escaping @Sendable (Int) -> Int = { Int.random(in: 0..<$0) }
    ) {
        self.resolver = resolver
        self.hostname = hostname
        self.port = port
        self.family = family
        self.isOurs = isOurs
        self.hasNamedIPv6 = hasNamedIPv6
        self.choose = choose
    }

    /// Hosts to try in this order, with `addressLimit` addresses together. `domain`: A-label, or a literal in brackets.
    package func hosts(of domain: String) async throws(Setback) -> [Host] {
        if domain.hasPrefix("[") { return [try literal(domain)] }
        let answer: Lookup<MXRecord> = await resolver.lookUp(MXRecord.self, domain)
        switch answer.outcome {
        // RFC 3463 §3.2: X.1.2, bad destination system address.
        case .noName:
            throw Setback(isPermanent: true, "5.1.2", detail: domain, reason: "send.no-such-domain")
        // RFC 5321 §5.1: without MX the domain is its own host.
        case .noData:
            return try await resolve([Exchange(preference: 0, name: domain)], .itself(isSecure: answer.isSecure))
        case .bogus(let reason):
            throw Setback("4.4.3", detail: "\(domain): \(reason)", reason: "send.dnssec")
        case .failed(let reason):
            throw Setback("4.4.3", detail: "\(domain): \(reason)", reason: "send.dns")
        case .found(let records):
            // RFC 7505 §3: the domain takes no mail.
            if records.allSatisfy({ $0.exchange.isEmpty }) {
                throw Setback(
                    isPermanent: true, "5.1.10", reply: Reply(556, "5.1.10", "Recipient address has null MX"), detail: domain,
                    reason: "send.null-mx")
            }
            let exchanges = records.filter { !$0.exchange.isEmpty }.map { Exchange(preference: $0.preference, name: $0.exchange) }
            let canonical = answer.canonicalName.isEmpty ? domain : answer.canonicalName
            return try await resolve(
                ordered(exchanges), .exchange(domain: domain, canonical: canonical, isSecure: answer.isSecure))
        }
    }

    /// The addresses of a host that is named by hand: a smarthost. A name, or an address.
    package func host(named name: String) async throws(Setback) -> Host {
        if let address = IPAddress(name) {
            return Host(
                name: name, addresses: [address], path: .itself(isSecure: true),
                security: DANE.Addresses(isSecure: true, canonicalName: name))
        }
        let (addresses, security, failure) = await addresses(of: name)
        guard !addresses.isEmpty else { throw failure ?? Setback("4.4.4", host: name, reason: "send.no-host") }
        return Host(
            name: name, addresses: Array(addresses.prefix(Self.addressLimit)), path: .itself(isSecure: true), security: security)
    }

    private struct Exchange: Sendable {
        var preference: UInt16
        var name: String
    }

    /// RFC 5321 §5.1: by preference, equal ones in random order.
    private func ordered(_ exchanges: [Exchange]) -> [Exchange] {
        var rest = exchanges
        for index in rest.indices.dropLast() { rest.swapAt(index, index + choose(rest.count - index)) }
        return rest.enumerated().sorted { ($0.element.preference, $0.offset) < ($1.element.preference, $1.offset) }.map(\.element)
    }

    private func resolve(_ exchanges: [Exchange], _ path: DANE.Path) async throws(Setback) -> [Host] {
        var hosts: [Host] = []
        var failure: Setback?
        var count = 0
        var isLoop = false
        var limit = UInt16.max
        for exchange in exchanges.prefix(Self.hostLimit) {
            // RFC 5321 §5.1: where we are one of the hosts, only those that are preferred to us are used.
            guard exchange.preference < limit || limit == .max, count < Self.addressLimit else { break }
            if exchange.name == hostname {
                isLoop = true
                limit = exchange.preference
                break
            }
            let (found, security, setback) = await addresses(of: exchange.name)
            if security.canonicalName == hostname || found.contains(where: { isOurs($0, port) }) {
                isLoop = true
                limit = exchange.preference
                break
            }
            if let setback, found.isEmpty { failure = worse(failure, setback) }
            guard !found.isEmpty else { continue }
            let taken = Array(found.prefix(Self.addressLimit - count))
            count += taken.count
            hosts.append(Host(name: exchange.name, addresses: taken, path: path, security: security))
        }
        if hosts.isEmpty {
            // RFC 3463 §3.5: X.4.6, routing loop detected.
            if isLoop { throw Setback(isPermanent: true, "5.4.6", host: exchanges.first?.name ?? "", reason: "send.loop") }
            if let failure { throw failure }
            let names = exchanges.map(\.name).joined(separator: ", ")
            let isImplicit = if case .itself = path { true } else { false }
            throw Setback(
                isPermanent: true, isImplicit ? "5.1.2" : "5.4.4", detail: names,
                reason: isImplicit ? "send.no-such-domain" : "send.no-host")
        }
        return hosts
    }

    private func worse(_ old: Setback?, _ new: Setback) -> Setback { old ?? new }

    /// In the order in which they are tried. The setback where something might yet be found; nil where there surely is nothing.
    private func addresses(of name: String) async -> (found: [IPAddress], DANE.Addresses, Setback?) {
        var found: [IPAddress] = []
        // Of those look-ups that were answered: whoever keeps one answer away must not make the other one insecure.
        var security = DANE.Addresses(isSecure: true, canonicalName: name)
        var failure: Setback?
        func take<Record: AddressRecord>(_ type: Record.Type) async {
            let answer: Lookup<Record> = await resolver.lookUp(type, name)
            switch answer.outcome {
            case .found(let records):
                found += records.compactMap { IPAddress(bytes: $0.bytes) }
                security.isSecure = security.isSecure && answer.isSecure
                if !answer.canonicalName.isEmpty { security.canonicalName = answer.canonicalName }
            case .noData, .noName: security.isSecure = security.isSecure && answer.isSecure
            case .bogus(let reason): failure = Setback("4.4.3", host: name, detail: "\(name): \(reason)", reason: "send.dnssec")
            case .failed(let reason): failure = Setback("4.4.3", host: name, detail: "\(name): \(reason)", reason: "send.dns")
            }
        }
        switch family {
        case .ipv4: await take(ARecord.self)
        case .ipv6: await take(AAAARecord.self)
        case .ipv6First:
            await take(AAAARecord.self)
            await take(ARecord.self)
        case .auto:
            // Large receivers refuse IPv6 addresses without a name.
            if await hasNamedIPv6() {
                await take(AAAARecord.self)
                await take(ARecord.self)
            } else {
                await take(ARecord.self)
                await take(AAAARecord.self)
            }
        }
        return (found, security, failure)
    }

    /// RFC 5321 §4.1.3.
    private func literal(_ text: String) throws(Setback) -> Host {
        let bare = text.dropFirst().dropLast(text.hasSuffix("]") ? 1 : 0)
        let isV6 = bare.lowercased().hasPrefix("ipv6:")
        guard let address = IPAddress(String(isV6 ? bare.dropFirst(5) : bare)) else {
            throw Setback(isPermanent: true, "5.1.2", detail: text, reason: "send.no-such-domain")
        }
        if isOurs(address, port) { throw Setback(isPermanent: true, "5.4.6", host: text, reason: "send.loop") }
        return Host(
            name: "\(address)", addresses: [address], path: .itself(isSecure: false),
            security: DANE.Addresses(isSecure: false, canonicalName: ""))
    }
}

private protocol AddressRecord: ResourceRecord {
    var bytes: [UInt8] { get }
}

extension ARecord: AddressRecord {}
extension AAAARecord: AddressRecord {}
