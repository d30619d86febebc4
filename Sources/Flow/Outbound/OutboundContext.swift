package import Mail
package import Resolution
package import Store

/// What the way out needs of the rest of the server.
package struct OutboundContext: Sendable {
    package var store: MailStore
    package var transport: any Transport
    package var resolver: any Resolver
    package var security: any PeerSecurity
    package var workshop: Workshop
    package var queueIDs: QueueIDs
    /// The server's own name, A-label, lower case.
    package var hostname: @Sendable () -> String
    /// Now, in microseconds since 1970.
    package var clock: @Sendable () -> Int64
    /// Whether a connection there would reach this very server.
    package var isOurs: @Sendable (IPAddress, Int) -> Bool = { _, _ in false }
    /// Whether the address that we send from by IPv6 has a name.
    package var hasNamedIPv6: @Sendable () async -> Bool = { false }
    package var words: DeliveryReport.Words
    /// `en` or `es`: of reports, where the setting leaves it open.
    package var language: @Sendable () -> String = { "en" }
    /// Told of each recipient that was not reached, and why.
    package var log: @Sendable (String) -> Void = { _ in }
    /// Told what went wrong (a kind, and a line), for the log.
    package var report: @Sendable (String, String) -> Void

    package init(
        store: MailStore, transport: any Transport, resolver: any Resolver, security: any PeerSecurity = NoPeerSecurity(),
        workshop: Workshop, queueIDs: QueueIDs, hostname: @escaping @Sendable () -> String, clock: @escaping @Sendable () -> Int64,
        words: @escaping DeliveryReport.Words, report: @escaping @Sendable (String, String) -> Void = { _, _ in }
    ) {
        self.store = store
        self.transport = transport
        self.resolver = resolver
        self.security = security
        self.workshop = workshop
        self.queueIDs = queueIDs
        self.hostname = hostname
        self.clock = clock
        self.words = words
        self.report = report
    }

    /// Seconds since 1970.
    var now: Int64 { clock() / 1_000_000 }

    var plan: RetryPlan {
        RetryPlan(
            waits: store.durations(.retryPlan), lifetime: store.durations(.queueLifetime).first ?? 432_000,
            warning: store.durations(.queueWarning).first ?? 14_400)
    }

    var dispatch: ReportDispatch {
        ReportDispatch(
            store: store, workshop: workshop, queueIDs: queueIDs, hostname: hostname(), now: clock(), words: words, language: language())
    }

    var routing: Routing {
        Routing(
            resolver: resolver, hostname: hostname(), port: store.integer(.outboundPort),
            family: Routing.Family(rawValue: store.value(.outboundFamily)) ?? .auto, isOurs: isOurs, hasNamedIPv6: hasNamedIPv6)
    }
}
