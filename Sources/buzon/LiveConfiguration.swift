import Flow
import IMAP
import Network
import POP3
import SMTP
import Store
import Synchronization

/// What sessions are told about the server, laid out once for each state of the settings: a change counts for the next
/// connection.
final class LiveConfiguration: Sendable {
    struct Values: Sendable {
        var hostname: String
        /// Of port 25.
        var exchange: SMTP.Configuration
        var submission: SMTP.Configuration
        var pop3: MaildropSession.Configuration
        var imap: IMAP.Configuration
        var caps: ConnectionCaps
    }

    private let store: MailStore
    private let connectionCap: Int
    /// What libsasl2 has.
    private let mechanisms: Set<String>
    private let state: Mutex<(generation: UInt64, values: Values)>

    init(_ store: MailStore, connectionCap: Int, mechanisms: Set<String>) {
        self.store = store
        self.mechanisms = mechanisms
        self.connectionCap = connectionCap
        state = Mutex((store.directoryGeneration, Self.read(store, connectionCap, mechanisms)))
    }

    var values: Values {
        let generation = store.directoryGeneration
        return state.withLock { state in
            if state.generation != generation { state = (generation, Self.read(store, connectionCap, mechanisms)) }
            return state.values
        }
    }

    private static func read(_ store: MailStore, _ connectionCap: Int, _ mechanisms: Set<String>) -> Values {
        let hostname = Appliance.hostname(store)
        let size = store.integer(.maximumMessageSize)
        let offer = Authenticator.offer(available: mechanisms, isLegacy: store.bool(.legacyMechanisms))
        return Values(
            hostname: hostname,
            exchange: SMTP.Configuration(hostname: hostname, maximumSize: size, offersTLS: true, authentication: offer),
            submission: SMTP.Configuration(
                hostname: hostname, maximumSize: size, offersTLS: true, authentication: offer, role: .submission,
                releaseSeconds: store.integer(.releaseDays) * 86_400),
            pop3: MaildropSession.Configuration(offersTLS: true, authentication: offer),
            imap: IMAP.Configuration(hostname: hostname, maximumMessageSize: size, offersTLS: true, authentication: offer),
            caps: ConnectionCaps(total: connectionCap, perAddress: store.integer(.connectionsPerAddress)))
    }
}
