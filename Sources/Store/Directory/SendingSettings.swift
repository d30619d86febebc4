/// How mail leaves.
extension Setting {
    /// Recipients that a user may send to in one day.
    package static let dailyRecipients = Setting(key: "daily-recipients", kind: .integer(1...10_000_000), fallback: "1000")
    /// Waits between attempts; the last one is repeated.
    package static let retryPlan = Setting(key: "queue-retry", kind: .durations, fallback: "2m,5m,10m,20m,30m,1h,2h,3h,4h")
    package static let queueLifetime = Setting(key: "queue-lifetime", kind: .durations, fallback: "5d")
    package static let queueWarning = Setting(key: "queue-warning", kind: .durations, fallback: "4h")
    /// Connections to one destination at once, at most.
    package static let destinationConcurrency = Setting(key: "destination-connections", kind: .integer(1...1_000), fallback: "20")
    /// Outbound connections at once.
    package static let outboundConcurrency = Setting(key: "outbound-connections", kind: .integer(1...10_000), fallback: "200")
    package static let outboundPort = Setting(key: "outbound-port", kind: .integer(1...65_535), fallback: "25")
    package static let outboundFamily = Setting(
        key: "outbound-family", kind: .choice(["auto", "ipv4", "ipv6-first", "ipv6"]), fallback: "auto")
    /// The local address to send from.
    package static let outboundAddress = Setting(key: "outbound-address", kind: .ipAddress, fallback: "")
    package static let outboundTLS = Setting(key: "outbound-tls", kind: .choice(["offered", "required", "never"]), fallback: "offered")
    package static let dane = Setting(key: "dane", kind: .bool, fallback: "true")
    package static let mtaSTS = Setting(key: "mta-sts", kind: .bool, fallback: "true")
    package static let forwardSpam = Setting(key: "forward-spam", kind: .bool, fallback: "false")
    /// Rewriting the sender of forwarded mail, so that SPF holds.
    package static let rewriteSenders = Setting(key: "rewrite-senders", kind: .bool, fallback: "true")
    /// Days for which a rewritten sender takes bounces.
    package static let returnDays = Setting(key: "return-days", kind: .integer(1...365), fallback: "21")
    /// The language of reports to senders.
    package static let reportLanguage = Setting(key: "report-language", kind: .choice(["auto", "en", "es"]), fallback: "auto")
    /// Days ahead that FUTURERELEASE may ask for; 0: not offered.
    package static let releaseDays = Setting(key: "release-days", kind: .integer(0...365), fallback: "30")

    static let sending: [Setting] = [
        dailyRecipients, retryPlan, queueLifetime, queueWarning, destinationConcurrency, outboundConcurrency, outboundPort, outboundFamily,
        outboundAddress, outboundTLS, dane, mtaSTS, forwardSpam, rewriteSenders, returnDays, reportLanguage, releaseDays,
    ]

    /// Resolvers to ask instead of the root, `192.0.2.1` or `192.0.2.1@5353`, separated by commas.
    package static let forwarders = Setting(key: "dns-forwarders", kind: .text, fallback: "")
    /// Trust anchors beside the root's, DS or DNSKEY records, separated by semicolons.
    package static let trustAnchors = Setting(key: "dns-trust-anchors", kind: .text, fallback: "")
    /// Names answered here, as records separated by semicolons: `mx.example. A 192.0.2.1`.
    package static let localNames = Setting(key: "dns-local-names", kind: .text, fallback: "")

    static let resolving: [Setting] = [forwarders, trustAnchors, localNames]
}
