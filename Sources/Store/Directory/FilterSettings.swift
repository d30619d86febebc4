/// How messages are looked at. What becomes of them is policy, not a setting.
extension Setting {
    /// Bytes of one file inside a message that the checks look at (AMaViS has one bound for all of it, `MAX_EXPANSION_QUOTA`; libclamav two).
    package static let scanFileSize = Setting(key: "scan-file-size", kind: .integer(65_536...2_000_000_000), fallback: "104857600")
    /// Bytes of all that a message unpacks to.
    package static let scanTotalSize = Setting(key: "scan-total-size", kind: .integer(65_536...4_000_000_000), fallback: "314572800")
    /// AMaViS's `MAXLEVELS` is 14; a message in archives in messages takes two levels for each.
    package static let scanDepth = Setting(key: "scan-depth", kind: .integer(2...100), fallback: "17")
    /// Files that a message may hold, names included. AMaViS's `MAXFILES` is 1500, ClamAV's own limit 10000.
    package static let scanFiles = Setting(key: "scan-files", kind: .integer(10...1_000_000), fallback: "20000")
    /// Seconds that one check of a message may take.
    package static let scanSeconds = Setting(key: "scan-seconds", kind: .integer(1...600), fallback: "50")
    /// Scans at once; 0: one for each core.
    package static let scanThreads = Setting(key: "scan-threads", kind: .integer(0...256), fallback: "0")
    /// Scans that never ended before the server restarts itself.
    package static let scanStuck = Setting(key: "scan-stuck", kind: .integer(1...64), fallback: "4")
    /// Whether scans run in a process of their own.
    package static let scannerIsolation = Setting(key: "scanner-isolation", kind: .bool, fallback: "false")
    package static let scanHeuristics = Setting(key: "scan-heuristics", kind: .bool, fallback: "true")
    /// Documents with macros count as infected.
    package static let scanMacros = Setting(key: "scan-macros", kind: .bool, fallback: "false")
    package static let scanPhishing = Setting(key: "scan-phishing", kind: .bool, fallback: "true")
    /// What is done with mail while nothing can scan it.
    package static let unscannedMail = Setting(key: "unscanned-mail", kind: .choice(["wait", "pass"]), fallback: "wait")
    /// Whether mail is looked at that only leaves.
    package static let filterOutbound = Setting(key: "filter-outbound", kind: .bool, fallback: "false")
    /// Seconds for all checks of a message together.
    package static let filterSeconds = Setting(key: "filter-seconds", kind: .integer(5...600), fallback: "60")

    /// Where signatures are read: `own` is signatures/ in the data directory, else a directory that another program keeps.
    package static let signatureDirectory = Setting(key: "signature-directory", kind: .directory, fallback: "own")
    /// Hosts or URLs to fetch signatures from, separated by commas; empty: not fetched.
    package static let signatureMirror = Setting(key: "signature-mirror", kind: .text, fallback: "database.clamav.net")
    /// Whether that is a mirror of one's own, which is asked for whole files and not announced in the DNS.
    package static let signaturePrivateMirror = Setting(key: "signature-private-mirror", kind: .bool, fallback: "false")
    /// URLs of single databases, separated by commas.
    package static let signatureURLs = Setting(key: "signature-urls", kind: .text, fallback: "")
    package static let signatureProxy = Setting(key: "signature-proxy", kind: .text, fallback: "")
    /// Times a day that new signatures are asked for; 0: never.
    package static let signatureChecks = Setting(key: "signature-checks", kind: .integer(0...50), fallback: "12")
    /// Days of received mail that new signatures look at again; 0: none.
    package static let rescanDays = Setting(key: "rescan-days", kind: .integer(0...365), fallback: "3")

    package static let quarantineDays = Setting(key: "quarantine-days", kind: .integer(1...3_650), fallback: "30")
    /// Bytes that the quarantine may hold.
    package static let quarantineSize = Setting(key: "quarantine-size", kind: .integer(1 << 20...1 << 50), fallback: "1073741824")
    /// What a full quarantine does: `oldest` makes room, `reject` refuses the message for good, `defer` for now.
    package static let quarantineFull = Setting(key: "quarantine-full", kind: .choice(["oldest", "reject", "defer"]), fallback: "oldest")
    /// What the administrator is told of, one message for a burst: `off`, `virus`, `all`.
    package static let quarantineNotice = Setting(key: "quarantine-notice", kind: .choice(["off", "virus", "all"]), fallback: "off")

    static let filtering: [Setting] = [
        scanFileSize, scanTotalSize, scanDepth, scanFiles, scanSeconds, scanThreads, scanStuck, scannerIsolation, scanHeuristics,
        scanMacros, scanPhishing, unscannedMail, filterOutbound, filterSeconds, signatureDirectory, signatureMirror,
        signaturePrivateMirror, signatureURLs, signatureProxy, signatureChecks, rescanDays, quarantineDays, quarantineSize,
        quarantineFull, quarantineNotice,
    ]
}
