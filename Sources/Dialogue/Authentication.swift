/// The SASL mechanisms of a library. Everything but `names` blocks: it runs on a thread that may wait.
package protocol AuthenticationMechanisms: Sendable {
    /// What the library has, in capitals, the -PLUS ones included, whatever the settings offer.
    var names: Set<String> { get }

    func exchange(_ terms: ExchangeTerms, _ source: any CredentialSource) -> any AuthenticationExchange
}

/// One authentication. Used by one thread at a time; whatever `take` answers but `.challenge` ends it.
package protocol AuthenticationExchange: AnyObject, Sendable {
    func take(_ move: AuthenticationMove) -> AuthenticationOutcome
}

/// What the connection gives an exchange.
package struct ExchangeTerms: Sendable, Hashable {
    /// As GSSAPI names it (RFC 4422 §3.1): `smtp`, `pop`, `imap`.
    package var service: String
    /// The server's own name; DIGEST-MD5 offers it as realm.
    package var host: String
    /// Whether a password may be shown: under TLS or on loopback.
    package var isProtected: Bool
    package var tls: TLSFacts?

    package init(service: String, host: String, isProtected: Bool, tls: TLSFacts? = nil) {
        self.service = service
        self.host = host
        self.isProtected = isProtected
        self.tls = tls
    }
}

/// Who knows the users. Of a name that nobody has it answers as of a user whose password nobody knows. May block.
package protocol CredentialSource: AnyObject, Sendable {
    /// The login that a client's name means, folded; nil for what can be no name.
    func canonical(_ name: String) -> String?
    /// One SCRAM verifier for each hash, as RFC 5803 §2 writes them.
    func verifiers(of login: String) -> [String]
    /// For CRAM-MD5 and DIGEST-MD5.
    func plainPassword(of login: String) -> [UInt8]
    func isRight(_ password: Secret, of login: String) -> Bool
}
