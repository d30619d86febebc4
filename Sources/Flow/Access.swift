package import Store

/// What the sessions of mailbox readers share.
package struct AccessContext: Sendable {
    package var store: MailStore
    /// For messages on their way in.
    package var workshop: Workshop
    /// For searches alone: they may take long, and nothing else may wait for them.
    package var searches: Workshop
    /// Told what went wrong (a kind, and a line), for the log.
    package var report: @Sendable (String, String) -> Void
    /// Nil: nobody logs in.
    package var authenticator: Authenticator?

    package init(
        store: MailStore, workshop: Workshop, searches: Workshop, report: @escaping @Sendable (String, String) -> Void = { _, _ in },
        authenticator: Authenticator? = nil
    ) {
        self.authenticator = authenticator
        self.store = store
        self.workshop = workshop
        self.searches = searches
        self.report = report
    }
}
