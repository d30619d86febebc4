package import Resolution

/// What the DNS demands of a session with one host (RFC 7672 §2.2).
package enum DANE: Sendable, Hashable {
    /// No records apply: not signed, or none there. Other policies decide.
    case absent
    /// Records that none of us can use: TLS is a must, no certificate is checked (RFC 7672 §2.2).
    case unusable([TLSARecord])
    /// The certificate has to fit one of the records; for usage 2 one of the names, too (RFC 7672 §3.2.2).
    case usable([TLSARecord], names: [String])
    /// It can't be known now: the host is as good as unreachable (RFC 7672 §2.1.2).
    case unknown(reason: String, isBogus: Bool)

    /// How we came to the host.
    package enum Path: Sendable, Hashable {
        /// By MX records of a domain, and whether they were secure. `canonical`: where the domain's CNAMEs led.
        case exchange(domain: String, canonical: String, isSecure: Bool)
        /// The domain itself, without MX records (RFC 7672 §2.2.2); whether that absence was secure.
        case itself(isSecure: Bool)
    }

    /// The host's addresses: whether all look-ups of them were secure, and where CNAMEs led.
    package struct Addresses: Sendable, Hashable {
        package var isSecure: Bool
        package var canonicalName: String

        package init(isSecure: Bool, canonicalName: String) {
            self.isSecure = isSecure
            self.canonicalName = canonicalName
        }
    }

    package static func find(
        host: String, port: Int = 25, path: Path, addresses: Addresses, resolver: any Resolver
    ) async -> DANE {
        // RFC 7672 §2.2.1: with insecure MX records nothing is gained.
        guard path.isSecure else { return .absent }
        switch await bases(host, addresses, resolver) {
        case .unknown(let reason, let isBogus): return .unknown(reason: reason, isBogus: isBogus)
        case .names(let bases):
            for base in bases {
                // RFC 7672 §2.2.3: the next base domain only after one without secure records.
                let lookup = await resolver.lookUp(TLSARecord.self, "_\(port)._tcp.\(base)")
                switch lookup.outcome {
                case .bogus(let reason): return .unknown(reason: reason, isBogus: true)
                case .failed(let reason): return .unknown(reason: reason, isBogus: false)
                case .noData, .noName: continue
                case .found(let records):
                    guard lookup.isSecure else { continue }
                    let usable = strongest(records.filter(\.isUsable))
                    return usable.isEmpty ? .unusable(records) : .usable(usable, names: names(base, host, path))
                }
            }
            return .absent
        }
    }

    private enum Bases {
        case names([String])
        case unknown(reason: String, isBogus: Bool)
    }

    /// Where records may be, in order.
    private static func bases(_ host: String, _ addresses: Addresses, _ resolver: any Resolver) async -> Bases {
        let isAlias = addresses.canonicalName != host && !addresses.canonicalName.isEmpty
        if addresses.isSecure {
            // RFC 7672 §2.2.2: where the CNAMEs led to first, then the name itself.
            return .names(isAlias ? [addresses.canonicalName, host] : [host])
        }
        // RFC 7672 §2.2.2: an unsigned zone is not asked for TLSA records, which its servers may not know how to answer.
        guard isAlias else { return .names([]) }
        // RFC 7672 §2.2.2: a secure CNAME into an unsigned zone leaves the name itself.
        let alias = await resolver.lookUp(CNAMERecord.self, host)
        switch alias.outcome {
        case .bogus(let reason): return .unknown(reason: reason, isBogus: true)
        case .failed(let reason): return .unknown(reason: reason, isBogus: false)
        case .noData, .noName: return .names([])
        case .found: return .names(alias.isSecure ? [host] : [])
        }
    }

    /// RFC 7672 §3.2.2: the base domain, then the names that led to it.
    private static func names(_ base: String, _ host: String, _ path: Path) -> [String] {
        let others: [String] =
            switch path {
            case .exchange(let domain, let canonical, _): [domain, canonical]
            case .itself: [host]
            }
        return ([base] + others).reduce(into: []) { if !$1.isEmpty, !$0.contains($1) { $0.append($1) } }
    }

    /// RFC 7672 §5: of two digests for one usage and selector only the stronger counts.
    private static func strongest(_ records: [TLSARecord]) -> [TLSARecord] {
        records.filter { record in
            record.matchingType != 1
                || !records.contains { $0.matchingType == 2 && $0.usage == record.usage && $0.selector == record.selector }
        }
    }
}

extension DANE.Path {
    package var isSecure: Bool {
        switch self {
        case .exchange(_, _, let isSecure), .itself(let isSecure): isSecure
        }
    }
}
