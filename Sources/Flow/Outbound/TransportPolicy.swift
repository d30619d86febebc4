/// What a domain asks of those who send to it (RFC 8461), as far as we know.
package struct TransportPolicy: Sendable, Hashable {
    package enum Rule: Sendable, Hashable {
        /// No policy, or one that asks for nothing.
        case none
        /// Only to hosts of these names, with a certificate that proves it.
        case enforce([MXPattern])
        /// Delivery as if there were none; what would have failed is recorded.
        case testing([MXPattern])
    }

    package var rule: Rule
    /// The policy's lines, for reports; none without a policy.
    package var lines: [String]
    /// Why there is none although the domain says there is one (RFC 8460 §4.3.2.2).
    package var failure: TLSResultType?

    package static let none = TransportPolicy(rule: .none)

    package init(rule: Rule, lines: [String] = [], failure: TLSResultType? = nil) {
        self.rule = rule
        self.lines = lines
        self.failure = failure
    }

    init(_ policy: STSPolicy) {
        let rule: Rule =
            switch policy.mode {
            case .none: .none
            case .enforce: .enforce(policy.patterns)
            case .testing: .testing(policy.patterns)
            }
        self.init(rule: rule, lines: policy.lines)
    }

    /// Whether the policy names the host, be it enforced or not.
    package func names(_ host: String) -> Bool {
        switch rule {
        case .none: true
        case .enforce(let patterns), .testing(let patterns): patterns.contains { $0.matches(host) }
        }
    }
}

/// What went wrong with TLS (RFC 8460 §4.3).
package enum TLSResultType: String, Sendable, Hashable, CaseIterable {
    case startTLSNotSupported = "starttls-not-supported"
    case certificateHostMismatch = "certificate-host-mismatch"
    case certificateExpired = "certificate-expired"
    case certificateNotTrusted = "certificate-not-trusted"
    case validationFailure = "validation-failure"
    case tlsaInvalid = "tlsa-invalid"
    case dnssecInvalid = "dnssec-invalid"
    case daneRequired = "dane-required"
    case stsPolicyFetchError = "sts-policy-fetch-error"
    case stsPolicyInvalid = "sts-policy-invalid"
    case stsWebPKIInvalid = "sts-webpki-invalid"
}
