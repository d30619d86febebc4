/// `http://[user:password@]host:port`.
package struct UpdateProxy: Sendable, Hashable, CustomStringConvertible {
    /// With the brackets of an IPv6 address.
    package let host: String
    package let port: UInt16
    package let user: String?
    package let password: String?

    init?(_ text: String) {
        guard text.lowercased().hasPrefix("http://"), text.utf8.count <= 1_024 else { return nil }
        var rest = text.dropFirst("http://".count)
        if rest.hasSuffix("/") { rest.removeLast() }
        if let at = rest.lastIndex(of: "@") {
            let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let user = Self.decoded(parts[0]), !user.isEmpty, let password = Self.decoded(parts.count == 2 ? parts[1] : "") else {
                return nil
            }
            self.user = user
            self.password = password
            rest = rest[rest.index(after: at)...]
        } else {
            user = nil
            password = nil
        }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0 else { return nil }
        host = String(rest[..<colon])
        self.port = port
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard !host.isEmpty,
            host.utf8.allSatisfy({
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"): isBracketed
                default: false
                }
            })
        else { return nil }
    }

    /// Never the password.
    package var description: String { "http://\(user == nil ? "" : "…@")\(host):\(port)" }

    /// RFC 3986 §2.1
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
