import Credentials
package import Dialogue
package import Store
import Synchronization

/// Who logs in, on every door. One for the server.
package final class Authenticator: Sendable {
    package enum Service: String, Sendable {
        // RFC 4422 §3.1: the names that GSSAPI knows them by.
        case smtp, pop, imap
    }

    let store: MailStore
    let workshop: Workshop
    let mechanisms: any AuthenticationMechanisms
    let name: @Sendable () -> String
    let invention: Invention
    let iterations: IterationShares
    let bruteForce: BruteForce
    let verified = VerifiedPasswords()
    let report: @Sendable (String, String) -> Void

    /// `workshop`: where passwords are checked; one of its own keeps a flood of logins off everything else. `name`: the server's own.
    /// `clock`: microseconds since 1970.
    package init(
        store: MailStore, workshop: Workshop, mechanisms: any AuthenticationMechanisms, name: @escaping @Sendable () -> String,
        clock: @escaping @Sendable () -> Int64, report: @escaping @Sendable (String, String) -> Void = { _, _ in }
    ) async throws(StoreFailure) {
        self.store = store
        self.workshop = workshop
        self.mechanisms = mechanisms
        self.name = name
        self.report = report
        invention = Invention(secret: try await store.secret(.unknownUser))
        iterations = try await IterationShares(store: store, invention: invention)
        bruteForce = try await BruteForce(store: store, clock: { clock() / 1_000_000 }, report: report)
    }

    package func begin(_ connection: Connection, service: Service) -> AuthenticationDialogue {
        AuthenticationDialogue(self, connection, service)
    }

    // MARK: What is offered

    /// The mechanisms in the order in which they are announced, the -PLUS ones apart.
    static let order = ["PLAIN", "LOGIN", "DIGEST-MD5", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]
    static let bound = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"]
    static let showingThePassword: Set<String> = ["PLAIN", "LOGIN"]
    static let legacy: Set<String> = ["DIGEST-MD5", "CRAM-MD5"]

    /// `available`: what the library has. `isLegacy`: the setting legacy-mechanisms.
    package static func offer(available: Set<String>, isLegacy: Bool) -> AuthenticationOffer {
        let names = order.filter { available.contains($0) && (isLegacy || !legacy.contains($0)) }
        return AuthenticationOffer(
            inTheClear: names.filter { !showingThePassword.contains($0) }, protected: names, bound: bound.filter(available.contains))
    }

    /// What is offered now. It costs a look at one setting.
    package var offer: AuthenticationOffer {
        Self.offer(available: mechanisms.names, isLegacy: store.bool(.legacyMechanisms))
    }
}
