import Filter
import Mail

/// The header fields by which a recipient sees what the checks found. Their names and forms are AMaViS's, whose users' rules look for them.
struct FilterFields: Sendable {
    var hostname: String
    var evidence: Evidence
    var verdict: Verdict
    var policy: Policy
    /// Under which name a copy lies in the quarantine; nil: none does.
    var quarantineID: String?

    /// Details that a field names, and characters of each.
    private static let details = 5
    private static let detailLength = 100

    var bytes: [UInt8] {
        var lines: [[UInt8]] = []
        if let quarantineID { lines.append(Array("X-Quarantine-ID: <\(quarantineID)>".utf8)) }
        for objection in verdict.objections {
            guard let word = Self.word(objection.category) else { continue }
            // Rules of users look for the first word: it stays as it is.
            lines.append(Array("X-Buzon-Alert: \(word)".utf8) + EncodedWord.encode(Self.list(objection.details)))
        }
        lines += spam
        if Self.wasScanned(evidence), !policy.bypassVirusChecks { lines.append(Array(scanned.utf8)) }
        return lines.flatMap { $0 + [0x0D, 0x0A] }
    }

    /// For a message that goes on to another server.
    var relayed: [UInt8] { Self.wasScanned(evidence) ? Array((scanned + "\r\n").utf8) : [] }

    private var scanned: String { "X-Virus-Scanned: Buzon at \(hostname)" }

    private static func wasScanned(_ evidence: Evidence) -> Bool {
        // Whoever reads the field takes it for a look by somebody who knows viruses.
        guard !evidence.inspection.knewOnlyTest else { return false }
        return switch evidence.inspection.virus {
        // One that ran out of time has not seen all.
        case .clean: !evidence.inspection.limits.contains("time")
        case .infected: true
        case .notAsked, .poisoned, .unavailable: false
        }
    }

    private var spam: [[UInt8]] {
        guard let score = verdict.score, verdict.showsScore || verdict.isSpam else { return [] }
        // AMaViS shows what a list says as at least 64 points, or none.
        let shown = verdict.isWhite ? min(0, score) : verdict.isBlack ? max(64, score) : score
        var lines = ["X-Spam-Flag: \(verdict.isSpam ? "YES" : "NO")", "X-Spam-Score: \(Self.text(shown))"]
        let stars = max(0, min(64, Int(max(-100, min(100, shown)))))
        if stars > 0 { lines.append("X-Spam-Level: " + String(repeating: "*", count: stars)) }
        let tests = verdict.tests(evidence).map { "\($0.name)=\(Self.text($0.points))" }.joined(separator: ",\r\n\t")
        let list = verdict.isWhite ? " WHITELISTED" : verdict.isBlack ? " BLACKLISTED" : ""
        lines.append(
            "X-Spam-Status: \(verdict.isSpam ? "Yes" : "No"), score=\(Self.text(score))\r\n"
                + "\ttagged_above=\(Self.text(policy.spamTagLevel)) required=\(Self.text(policy.spamTag2Level))\(list)\r\n\ttests=[\(tests)]"
        )
        return lines.map { Array($0.utf8) }
    }

    static func text(_ points: Double) -> String { Points(rounding: points).description }

    private static func word(_ category: Category) -> String? {
        switch category {
        case .virus: "INFECTED, message contains virus: "
        case .banned: "BANNED, message contains "
        case .poisoned: "UNCHECKED, the scanner ended twice over it"
        case .limit: "UNCHECKED, limits reached: "
        case .encrypted: "UNCHECKED, contains encrypted "
        case .unopened: "UNCHECKED, can't be opened: "
        case .spam: nil
        }
    }

    private static func list(_ details: [String]) -> String {
        let shown = details.prefix(Self.details).map {
            $0.unicodeScalars.count > detailLength ? $0.prefix(scalars: detailLength) + "…" : $0
        }
        // Plain letters where names are: what mail programs show encoded is readable in few of them.
        return shown.joined(separator: ", ").replacing(" › ", with: " > ") + (details.count > Self.details ? ", …" : "")
    }
}

extension Verdict {
    /// What the score is made of: the checks, and the recipient's opinion of the sender.
    fileprivate func tests(_ evidence: Evidence) -> [(name: String, points: Double)] {
        let given = (score ?? 0) - (evidence.score ?? 0)
        return evidence.tests + (given == 0 ? [] : [("SENDER_LIST", given)])
    }
}
