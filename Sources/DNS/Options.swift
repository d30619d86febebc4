/// How names are resolved.
package struct Options: Sendable, Hashable {
    /// Resolvers to ask instead of the root: `192.0.2.1`, `2001:db8::1@5353`.
    package var forwarders: [String] = []
    /// DS or DNSKEY records in a file: the root's.
    package var trustAnchorFile: String? = "/usr/share/dns/root.key"
    /// DS or DNSKEY records beside them.
    package var trustAnchors: [String] = []
    /// Records that are answered here, `mx.example. A 192.0.2.1`, never as secure ones. A name and `static`, as `example. static`: nothing
    /// but such records exists at and below that name.
    package var localNames: [String] = []
    /// For each look-up, its turn included.
    package var timeLimit: Duration = .seconds(15)
    /// Look-ups that libunbound works on at once.
    package var concurrency = 100
    /// Look-ups at once, with those that wait for their turn. What comes beyond fails.
    package var backlog = 10_000

    package init() {}

    /// From the settings: forwarders separated by commas, the others by semicolons; those within quotes don't count.
    package init(forwarders: String, trustAnchors: String, localNames: String) {
        self.forwarders = parts(forwarders, ",")
        self.trustAnchors = parts(trustAnchors, ";")
        self.localNames = parts(localNames, ";")
    }
}

/// Why a resolver can't be had with some options.
package enum OptionsFailure: Error, Hashable {
    case badForwarder(String)
    /// Its path.
    case unreadableTrustAnchors(String)
    case badTrustAnchor(String)
    case badLocalName(String)
    case library(String)
}

extension OptionsFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .badForwarder(let text): "no address of a resolver: \(text)"
        case .unreadableTrustAnchors(let path): "can't be read: \(path)"
        case .badTrustAnchor(let text): "no DS or DNSKEY record: \(text)"
        case .badLocalName(let text): "no record: \(text)"
        case .library(let text): text
        }
    }
}

private func parts(_ text: String, _ separator: Character) -> [String] {
    var parts: [String] = []
    var part = ""
    var isQuoted = false
    for character in text + String(separator) {
        if character == "\"" { isQuoted.toggle() }
        guard character == separator, !isQuoted else {
            part.append(character)
            continue
        }
        let trimmed = part.drop { $0.isWhitespace }
        if let last = trimmed.lastIndex(where: { !$0.isWhitespace }) { parts.append(String(trimmed[...last])) }
        part = ""
    }
    return parts
}
