import Mail
import Resolution

/// Whether the address from which we would send by IPv6 has a name: where it has none, large receivers refuse it.
actor NamedIPv6 {
    private static let interval = Duration.seconds(3_600)

    private let resolver: any Resolver
    private let addresses: @Sendable () -> [IPAddress]
    private var known: (addresses: [IPAddress], value: Bool, until: ContinuousClock.Instant)?

    /// `addresses`: this machine's, or the one that is set to be sent from.
    init(_ resolver: any Resolver, _ addresses: @escaping @Sendable () -> [IPAddress]) {
        self.resolver = resolver
        self.addresses = addresses
    }

    var value: Bool {
        get async {
            // RFC 4291 §2.4: global unicast.
            let own = addresses().filter { $0.family == .v6 && $0.bytes[0] & 0xE0 == 0x20 }
            if let known, known.until > .now, known.addresses == own { return known.value }
            var value = false
            for address in own where !value {
                if case .found = await resolver.lookUp(PTRRecord.self, Self.reverseName(address)).outcome { value = true }
            }
            known = (own, value, .now + Self.interval)
            return value
        }
    }

    /// RFC 3596 §2.5.
    static func reverseName(_ address: IPAddress) -> String {
        let digits = Array("0123456789abcdef")
        return address.bytes.reversed().map { "\(digits[Int($0 & 15)]).\(digits[Int($0 >> 4)])." }.joined() + "ip6.arpa"
    }
}
