package import Store

/// What the sessions of mailbox readers share.
package struct AccessContext: Sendable {
    package var store: MailStore
    package var workshop: Workshop

    package init(store: MailStore, workshop: Workshop) {
        self.store = store
        self.workshop = workshop
    }
}
