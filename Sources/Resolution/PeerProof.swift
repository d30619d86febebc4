/// What a server that we connect to must prove, as what was resolved about it says.
package enum PeerProof: Sendable, Hashable {
    /// Whatever its certificate: RFC 7435.
    case nothing
    /// A chain to a trusted root, for one of these names (RFC 6125): RFC 8461 §4.1, or a smarthost.
    case certificate(names: [String])
    /// As `certificate`, but the session goes on without: only told is what was lacking (RFC 8461 §5, a policy of mode testing).
    case wished(names: [String])
    /// DANE-EE and DANE-TA by these records (RFC 7672 §3.1). The first name is the TLSA base domain, which the server is asked for (§8.1);
    /// all of them count for usage 2 (§3.2.2).
    case dane([TLSARecord], names: [String])
}

extension TLSARecord {
    /// RFC 7672 §3.1: DANE-TA(2) and DANE-EE(3); the usages of public CAs, 0 and 1, are unusable for mail (§3.1.3).
    package var isUsable: Bool {
        guard (2...3).contains(usage), selector <= 1 else { return false }
        switch matchingType {
        case 0: return !data.isEmpty
        case 1: return data.count == 32
        case 2: return data.count == 64
        default: return false
        }
    }
}
