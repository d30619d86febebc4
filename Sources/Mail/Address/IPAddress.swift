/// An IPv4 or IPv6 address. An IPv4 address mapped into IPv6 (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2) is the IPv4 address: sockets
/// that listen on both families say it that way.
package struct IPAddress: Hashable, Sendable {
    package enum Family: Hashable, Sendable { case v4, v6 }

    package let family: Family
    /// 128 bits in two halves; an IPv4 address is in the lowest 32.
    let high: UInt64
    let low: UInt64

    init(family: Family, high: UInt64, low: UInt64) {
        let isMapped = family == .v6 && high == 0 && low >> 32 == 0xFFFF
        self.family = isMapped ? .v4 : family
        self.high = high
        self.low = isMapped ? low & 0xFFFF_FFFF : low
    }

    /// Four bytes or sixteen, in network order.
    package init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4: self.init(family: .v4, high: 0, low: bytes.reduce(0) { $0 << 8 | UInt64($1) })
        case 16:
            self.init(
                family: .v6, high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
        default: return nil
        }
    }

    /// Reads four decimal numbers (no leading zeros), or RFC 4291 §2.2's forms without brackets and zone.
    package init?(_ text: String) {
        self.init(Array(text.utf8)[...])
    }

    package init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count <= 45 else { return nil }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let (high, low) = Self.parseIPv6(bytes) else { return nil }
            self.init(family: .v6, high: high, low: low)
        } else {
            guard let value = Self.parseIPv4(bytes) else { return nil }
            self.init(family: .v4, high: 0, low: UInt64(value))
        }
    }

    package var isIPv4: Bool { family == .v4 }

    /// RFC 1122 §3.2.1.3 127/8, RFC 4291 §2.5.3 `::1`.
    package var isLoopback: Bool { isIPv4 ? low >> 24 == 127 : high == 0 && low == 1 }

    /// Four or sixteen, in network order.
    package var bytes: [UInt8] {
        let lower = (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64($0))) }
        if isIPv4 { return Array(lower.suffix(4)) }
        return (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64($0))) } + lower
    }

    private static func parseIPv4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        for part in parts {
            guard (1...3).contains(part.count), part.allSatisfy(\.isASCIIDigit) else { return nil }
            if part.count > 1, part.first == UInt8(ascii: "0") { return nil }
            let number = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - 0x30) }
            guard number < 256 else { return nil }
            value = value << 8 | number
        }
        return value
    }

    private static func parseIPv6(_ bytes: ArraySlice<UInt8>) -> (UInt64, UInt64)? {
        var groups: [UInt16] = []
        var gap: Int?
        var rest = bytes
        if rest.starts(with: "::".utf8) {
            gap = 0
            rest = rest.dropFirst(2)
        }
        while !rest.isEmpty {
            let part = rest.prefix { $0 != UInt8(ascii: ":") }
            if part.endIndex == rest.endIndex, part.contains(UInt8(ascii: ".")) {
                guard let value = parseIPv4(part) else { return nil }
                groups += [UInt16(value >> 16), UInt16(value & 0xFFFF)]
                break
            }
            guard (1...4).contains(part.count) else { return nil }
            var group: UInt16 = 0
            for byte in part {
                guard let digit = byte.hexDigitValue else { return nil }
                group = group << 4 | UInt16(digit)
            }
            groups.append(group)
            rest = rest[part.endIndex...]
            if rest.starts(with: "::".utf8) {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst(2)
            } else if !rest.isEmpty {
                rest = rest.dropFirst()
                guard !rest.isEmpty else { return nil }
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        return (groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }, groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952.
    package var description: String {
        if isIPv4 { return bytes.map { String($0) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> (48 - 16 * UInt64($0 % 4))) }
        // RFC 5952 §4.2: the longest run of at least two zeros is `::`, the first one of equals.
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = end + 1
        }
        func joined(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.isEmpty { return joined(groups[...]) }
        return joined(groups[..<best.lowerBound]) + "::" + joined(groups[best.upperBound...])
    }
}

extension IPAddress {
    /// What one household or customer is known by: the address, of IPv6 the network `2001:db8::/64`.
    package var loginKey: String {
        if isIPv4 { return description }
        return IPAddress(family: .v6, high: high, low: 0).description + "/64"
    }
}

/// Addresses with a common prefix, as Postfix's `mynetworks` writes them: `127.0.0.0/8`, `[::1]/128`, `192.168.1.5`.
package struct IPNetwork: Hashable, Sendable {
    package let address: IPAddress
    /// Bits, 0 … 32 or 0 … 128.
    package let prefixLength: Int

    /// IPv6 addresses with or without brackets; without `/n`, the one address. Nil when bits behind the prefix are set, as Postfix
    /// refuses them: whoever writes 192.168.1.5/24 may mean either.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard var host = parts.first.map({ Array($0.utf8)[...] }) else { return nil }
        var isMapped = false
        if host.first == UInt8(ascii: "[") {
            guard host.last == UInt8(ascii: "]"), host.contains(UInt8(ascii: ":")) else { return nil }
            host = host.dropFirst().dropLast()
        }
        guard let address = IPAddress(host) else { return nil }
        isMapped = address.isIPv4 && host.contains(UInt8(ascii: ":"))
        let width = address.isIPv4 ? 32 : 128
        var length = width
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(\.isASCIIDigit), let number = Int(parts[1]) else {
                return nil
            }
            length = isMapped ? number - 96 : number
            guard (0...width).contains(length) else { return nil }
        }
        self.address = address
        prefixLength = length
        guard Self.masked(address, length) == address else { return nil }
    }

    package func contains(_ other: IPAddress) -> Bool {
        other.family == address.family && Self.masked(other, prefixLength) == address
    }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        let bits = address.isIPv4 ? length + 96 : length
        let high = bits >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(bits))
        let low = bits >= 128 ? UInt64.max : bits <= 64 ? 0 : ~(UInt64.max >> UInt64(bits - 64))
        return IPAddress(family: address.family, high: address.high & high, low: address.low & low)
    }
}

extension IPNetwork: CustomStringConvertible {
    /// With the prefix length always, IPv6 in brackets: `127.0.0.0/8`, `[::1]/128`.
    package var description: String { address.isIPv4 ? "\(address)/\(prefixLength)" : "[\(address)]/\(prefixLength)" }
}
