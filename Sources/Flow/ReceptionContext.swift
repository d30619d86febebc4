import Dialogue
package import Filter
import Mail
package import Store

/// What every reception shares: the store, the clock and the policy of the server.
package struct ReceptionContext: Sendable {
    package var store: MailStore
    package var workshop: Workshop
    package var queueIDs: QueueIDs
    package let expansions = ExpansionCache()
    package let ownAddresses = OwnAddresses()
    /// The server's own name, A-label, lower case; asked for each time, since it is a setting.
    package var name: @Sendable () -> String
    /// Now, in microseconds since 1970.
    package var clock: @Sendable () -> Int64
    /// Minutes east of UTC of the server's zone at a second, for header fields.
    package var zone: @Sendable (Int64) -> Int16
    /// Told what went wrong (a kind, and a line), for the log.
    package var report: @Sendable (String, String) -> Void
    /// Told of each message that the checks kept from somebody, in one line.
    package var log: @Sendable (String) -> Void = { _ in }
    /// A text for people, in a `report-language`.
    package var words: @Sendable (Reason, String) -> String
    /// The server's own language, `en` or `es`.
    package var language: @Sendable () -> String = { "en" }
    /// Nil: nobody logs in.
    package var authenticator: Authenticator?
    /// Looks into messages; nil: nothing is judged by its content.
    package var inspector: (any Inspector)?

    package init(
        store: MailStore, workshop: Workshop, queueIDs: QueueIDs, name: @escaping @Sendable () -> String,
        clock: @escaping @Sendable () -> Int64, zone: @escaping @Sendable (Int64) -> Int16,
        report: @escaping @Sendable (String, String) -> Void = { _, _ in },
        words: @escaping @Sendable (Reason, String) -> String = { reason, _ in reason.key }, authenticator: Authenticator? = nil
    ) {
        self.authenticator = authenticator
        self.store = store
        self.workshop = workshop
        self.queueIDs = queueIDs
        self.name = name
        self.report = report
        self.words = words
        self.clock = clock
        self.zone = zone
    }

    var hostname: String { name() }

    /// Stored reasons as a text of the server's own, in its `report-language`.
    func words(ofStored reasons: [String]) -> String {
        reasons.map { words(Reason(stored: $0), store.value(.reportLanguage)) }.joined(separator: "; ")
    }

    var recipients: Recipients { Recipients(store, hostname: hostname) }

    var dispatch: ReportDispatch {
        ReportDispatch(
            store: store, workshop: workshop, queueIDs: queueIDs, hostname: hostname, now: clock(),
            words: { language, key, values in words(Reason(key, values), language) }, language: language())
    }
}
