/// Whose policy: the narrowest one that says something counts.
package enum PolicyScope: Sendable, Hashable {
    case server
    /// A-label in lower case.
    case domain(String)
    /// `Mail.Address.key`. His domain comes with him.
    case user(String)

    /// As it is stored: nothing, a domain, or user@domain.
    package var stored: String {
        switch self {
        case .server: ""
        case .domain(let name): name
        case .user(let email): email
        }
    }

    package init(stored: String) {
        self = stored.isEmpty ? .server : stored.utf8.contains(UInt8(ascii: "@")) ? .user(stored) : .domain(stored)
    }

    /// From the server to this one.
    package var path: [PolicyScope] {
        switch self {
        case .server: [.server]
        case .domain: [.server, self]
        case .user(let email):
            // A quoted local part may hold an @ of its own.
            [.server] + (email.utf8.lastIndex(of: UInt8(ascii: "@")).map { [.domain(String(email[email.utf8.index(after: $0)...]))] } ?? [])
                + [self]
        }
    }
}

/// What one scope says.
package struct ScopePolicy: Sendable, Equatable {
    /// Normalised.
    package var values: [PolicyKey: String] = [:]
    /// Rows that another tool wrote and that say nothing: unknown keys, values that are none. They count as if they weren't there.
    package var useless: [String: String] = [:]
    package var senders = SenderList()

    package init() {}

    /// From rows as they are stored.
    package init(rows: [(key: String, value: String)], senders: SenderList = SenderList()) {
        self.senders = senders
        for (key, value) in rows {
            // Keys are stored by their own names only.
            if let known = PolicyKey(rawValue: key), let normal = known.normalised(value) {
                values[known] = normal
            } else {
                useless[key] = value
            }
        }
    }
}

/// What server, domain and user say, and what holds in the end.
package struct PolicyLayers: Sendable {
    /// Where a value comes from.
    package enum Origin: String, Sendable {
        case standard = "default"
        case server, domain, user
    }

    package struct Layer: Sendable {
        package var scope: PolicyScope
        package var policy: ScopePolicy

        package init(_ scope: PolicyScope, _ policy: ScopePolicy) {
            self.scope = scope
            self.policy = policy
        }

        package var origin: Origin {
            switch scope {
            case .server: .server
            case .domain: .domain
            case .user: .user
            }
        }
    }

    /// The widest first.
    package let layers: [Layer]
    package let effective: Policy

    package init(_ layers: [Layer]) {
        self.layers = layers
        effective = Policy { key in Self.value(of: key, in: layers).value }
    }

    package func value(of key: PolicyKey) -> (value: String, origin: Origin) { Self.value(of: key, in: layers) }

    private static func value(of key: PolicyKey, in layers: [Layer]) -> (value: String, origin: Origin) {
        for layer in layers.reversed() {
            if let value = layer.policy.values[key] { return (value, layer.origin) }
        }
        return (key.fallback, .standard)
    }
}
