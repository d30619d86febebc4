package import Resolution

/// What the TLSA records of a host say (RFC 7672 §2.2).
package enum DANEDecision: Sendable, Equatable {
    /// No record that counts: nothing follows from DANE.
    case absent
    /// The host must prove itself with one of these. `names`: for usage 2 (§3.2.2).
    case authenticate([TLSARecord], names: [String])
    /// Records are there and none is usable: encrypted, whatever the certificate (§2.2).
    case encrypt
    /// Whether there are records can't be known now: the host is not to be used (§2.1.1: downgrade otherwise).
    case unknown(reason: String)
}

package struct DANE: Sendable {
    /// Records that are looked at: more would be no help.
    static let maximumRecords = 32

    package var resolver: any Resolver

    package init(_ resolver: any Resolver) { self.resolver = resolver }

    /// Names in A-labels. `isRouteSecure`: DNSSEC vouches for the way from the domain to the host's name; `isAddressSecure`: for the
    /// host's addresses.
    package func decide(
        host: String, port: Int, domain: String, isRouteSecure: Bool, isAddressSecure: Bool
    ) async -> DANEDecision {
        // RFC 7672 §2.2.1, §2.2.2: without it a TLSA record is worth nothing, and asking may only break delivery.
        guard isRouteSecure, isAddressSecure else { return .absent }
        // §2.2.2: the name that the host's aliases lead to first, then the host's own.
        let addresses = await resolver.lookUp(ARecord.self, host)
        var bases = [host]
        if addresses.isSecure, !addresses.canonicalName.isEmpty, addresses.canonicalName != host {
            bases.insert(addresses.canonicalName, at: 0)
        }
        for base in bases {
            let lookup = await resolver.lookUp(TLSARecord.self, "_\(port)._tcp.\(base)")
            switch lookup.outcome {
            case .found(let records):
                guard lookup.isSecure else { continue }
                let usable = records.filter(\.isUsable)
                guard !usable.isEmpty else { return .encrypt }
                var names = [base]
                for name in [host, domain] where !names.contains(name) { names.append(name) }
                return .authenticate(Array(usable.prefix(Self.maximumRecords)), names: names)
            case .noData, .noName: continue
            case .bogus(let reason), .failed(let reason): return .unknown(reason: reason)
            }
        }
        return .absent
    }
}

extension TLSARecord {
    /// RFC 7672 §3.1.3: usages 0 and 1 are not for mail. Selectors and matching types: RFC 6698 §2.1.2, §2.1.3.
    package var isUsable: Bool {
        guard usage == 2 || usage == 3, selector <= 1 else { return false }
        switch matchingType {
        case 0: return !data.isEmpty
        case 1: return data.count == 32
        case 2: return data.count == 64
        default: return false
        }
    }
}
