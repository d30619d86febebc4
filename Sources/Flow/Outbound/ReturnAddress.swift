import Credentials
package import Mail

/// Senders of forwarded mail, rewritten so that SPF holds and bounces find their way (the scheme known as SRS).
///
///     SRS0=hash=day=domain=local@ours            of local@domain
///     SRS1=hash=forwarder==hash=day=domain=local@ours   of SRS0=hash=day=domain=local@forwarder
package struct ReturnAddress: Sendable {
    package enum Failure: Error, Sendable, Equatable {
        /// Not one of ours at all: an address like any other.
        case foreign
        /// The hash is not ours.
        case forged
        case expired
    }

    private let secret: [UInt8]
    private let days: Int

    /// `days`: how long a rewritten address takes bounces.
    package init(secret: [UInt8], days: Int) {
        self.secret = secret
        self.days = days
    }

    /// The address for `sender` at our `domain`. Nil where it would be too long for any server.
    package func rewrite(_ sender: Address, at domain: Domain, now: Int64) -> Address? {
        let local: String
        let (kind, rest) = Self.split(sender.localPart)
        switch kind {
        case .first:
            // Rewritten by another forwarder: its own part is kept, so that the way back has two steps whatever the number of forwarders.
            let own = String(sender.localPart.dropFirst(4))
            local = "SRS1=" + hash("\(sender.domain.ascii)=\(own)") + "=" + sender.domain.ascii + "=" + own
        case .second:
            guard let parts = Self.forwarder(rest) else { return nil }
            local = "SRS1=" + hash("\(parts.forwarder)=\(parts.rest)") + "=" + parts.forwarder + "=" + parts.rest
        case .none:
            let stamp = Self.stamp(Self.day(now))
            let content = "\(stamp)=\(sender.domain.ascii)=\(sender.localPart)"
            local = "SRS0=" + hash(content) + "=" + content
        }
        guard local.utf8.count <= Address.generatedLocalPartLimit else { return nil }
        return Address(localPart: local, domain: domain)
    }

    /// Whether it looks like one.
    package static func isRewritten(_ localPart: String) -> Bool { split(localPart).kind != .none }

    /// Where a bounce to this address goes.
    package func resolve(_ localPart: String, now: Int64) throws(Failure) -> Address {
        let (kind, rest) = Self.split(localPart)
        switch kind {
        case .none: throw .foreign
        case .first:
            let fields = rest.split(separator: "=", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 4 else { throw .forged }
            guard isRight(fields[0], of: "\(fields[1])=\(fields[2])=\(fields[3])") else { throw .forged }
            guard let made = Self.day(of: fields[1]) else { throw .forged }
            let age = (Self.day(now) - made + 1_024) % 1_024
            guard age <= days else { throw .expired }
            return try Self.address(fields[3], fields[2])
        case .second:
            guard let hashEnd = rest.firstIndex(of: "="), let parts = Self.forwarder(rest) else { throw .forged }
            guard isRight(String(rest[..<hashEnd]), of: "\(parts.forwarder)=\(parts.rest)") else { throw .forged }
            // Its own server looks at hash and age.
            return try Self.address("SRS0" + parts.rest, parts.forwarder)
        }
    }

    private static func address(_ local: String, _ domain: String) throws(Failure) -> Address {
        guard !local.isEmpty, let domain = try? Domain(parsing: domain, allowUTF8: false) else { throw .forged }
        return Address(localPart: local, domain: domain)
    }

    private enum Kind { case none, first, second }

    /// What follows the tag and its separator (`=`, `+` or `-`).
    private static func split(_ local: String) -> (kind: Kind, rest: String) {
        let bytes = Array(local.utf8)
        guard bytes.count > 5, [UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[4]) else { return (.none, "") }
        switch String(decoding: bytes[..<4], as: UTF8.self).uppercased() {
        case "SRS0": return (.first, String(decoding: bytes[5...], as: UTF8.self))
        case "SRS1": return (.second, String(decoding: bytes[5...], as: UTF8.self))
        default: return (.none, "")
        }
    }

    /// Of `hash=forwarder=REST`, where REST begins with the separator of the first address.
    private static func forwarder(_ text: String) -> (forwarder: String, rest: String)? {
        let fields = text.split(separator: "=", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 3, !fields[1].isEmpty, !fields[2].isEmpty else { return nil }
        return (fields[1], fields[2])
    }

    // MARK: Hash and day

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    /// 8 characters of base32 (RFC 4648 §6): 40 bits, of what was written in any letter case.
    private func hash(_ text: String) -> String {
        let mac = hmacSHA256(key: secret, Array(text.lowercased().utf8))
        var value: UInt64 = 0
        for byte in mac.prefix(5) { value = value << 8 | UInt64(byte) }
        return String(decoding: stride(from: 35, through: 0, by: -5).map { Self.digits[Int(value >> UInt64($0)) & 31] }, as: UTF8.self)
    }

    private func isRight(_ given: String, of text: String) -> Bool { areEqual(Array(given.uppercased().utf8), Array(hash(text).utf8)) }

    private static func day(_ now: Int64) -> Int { Int((now / 86_400) % 1_024) }

    private static func stamp(_ day: Int) -> String { String(decoding: [digits[day >> 5 & 31], digits[day & 31]], as: UTF8.self) }

    private static func day(of stamp: String) -> Int? {
        let values = stamp.uppercased().utf8.compactMap { digits.firstIndex(of: $0) }
        return values.count == 2 && stamp.utf8.count == 2 ? values[0] << 5 | values[1] : nil
    }
}
