import Filter
import Mail
import Testing

@testable import Flow

/// The fields by which a recipient sees what was found, letter for letter.
@Suite struct FilterFieldsTests {
    private static func policy(_ said: [String: String] = [:]) -> Policy {
        PolicyLayers([.init(.server, ScopePolicy(rows: said.map { ($0.key, $0.value) }))]).effective
    }

    private func lines(
        _ inspection: Inspection = Inspection(), _ said: [String: String] = [:], score: Double? = nil, isWhite: Bool = false,
        isBlack: Bool = false, points: Double = 0, tests: [(name: String, points: Double)] = [], id: String? = nil
    ) -> [String] {
        let policy = Self.policy(said)
        let evidence = Evidence(inspection: inspection, score: score, tests: tests)
        var opinion = PolicyLayers([]).opinion(of: nil)
        (opinion.isWhite, opinion.isBlack, opinion.points) = (isWhite, isBlack, points)
        let fields = FilterFields(
            hostname: "mail.host", evidence: evidence, verdict: Verdict(evidence, policy, opinion), policy: policy, quarantineID: id)
        return String(decoding: fields.bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false).dropLast().map(
            String.init)
    }

    // MARK: Scanned

    private static let scanned = "X-Virus-Scanned: Buzon at mail.host"

    /// Only what was looked at to its end is said to have been, and only to who asked.
    @Test(arguments: [
        (Inspection(virus: .clean), true), (Inspection(virus: .infected(["A"])), true), (Inspection(virus: .clean, limits: ["size"]), true),
        (Inspection(virus: .clean, limits: ["time"]), false), (Inspection(virus: .poisoned), false),
        (Inspection(virus: .unavailable("x")), false), (Inspection(), false), (Inspection(virus: .clean, knewOnlyTest: true), false),
        (Inspection(virus: .infected(["A"]), knewOnlyTest: true), false),
    ])
    func whatWasScanned(_ inspection: Inspection, _ isScanned: Bool) {
        #expect(lines(inspection).contains(Self.scanned) == isScanned)
        #expect(!lines(inspection, ["bypass_virus_checks": "true"]).contains(Self.scanned))
        let policy = Policy.standard
        let fields = FilterFields(
            hostname: "mail.host", evidence: Evidence(inspection: inspection), verdict: Verdict(), policy: policy, quarantineID: nil)
        #expect(String(decoding: fields.relayed, as: UTF8.self) == (isScanned ? Self.scanned + "\r\n" : ""))
    }

    // MARK: Alerts

    @Test func everyAlert() {
        let found = Inspection(
            virus: .infected(["Eicar"]), banned: [Policy.standard.bannedNames: [.init(part: "a.zip › b.exe", rule: ".exe")]],
            encrypted: ["c.zip"], unopened: ["d.rar"], limits: ["depth", "size"])
        #expect(
            lines(found, id: "q1") == [
                "X-Quarantine-ID: <q1>", "X-Buzon-Alert: INFECTED, message contains virus: Eicar",
                "X-Buzon-Alert: BANNED, message contains a.zip > b.exe (.exe)", "X-Buzon-Alert: UNCHECKED, limits reached: depth, size",
                "X-Buzon-Alert: UNCHECKED, contains encrypted c.zip", "X-Buzon-Alert: UNCHECKED, can't be opened: d.rar", Self.scanned,
            ])
        #expect(lines(Inspection(virus: .poisoned)) == ["X-Buzon-Alert: UNCHECKED, the scanner ended twice over it"])
    }

    /// Five of them, and a hundred characters of each.
    @Test func alertsAreShort() {
        let five = lines(Inspection(unopened: (1...5).map { "\($0)" })).first
        #expect(five == "X-Buzon-Alert: UNCHECKED, can't be opened: 1, 2, 3, 4, 5")
        let six = lines(Inspection(unopened: (1...6).map { "\($0)" })).first ?? ""
        #expect(EncodedText(six).text.hasSuffix("1, 2, 3, 4, 5, …"))
        let long = EncodedText(lines(Inspection(unopened: [String(repeating: "x", count: 101)])).joined(separator: "\r\n")).text
        #expect(long.hasSuffix(" \(String(repeating: "x", count: 100))…"), "\(long)")
        let just = EncodedText(lines(Inspection(unopened: [String(repeating: "x", count: 100)])).joined(separator: "\r\n")).text
        #expect(just.hasSuffix(" \(String(repeating: "x", count: 100))"))
    }

    /// What a stranger calls his files makes no fields of its own.
    @Test func namesStayInTheirField() {
        let found = Inspection(unopened: ["a\r\nBcc: x@y.test\r\n\r\nbody", "\u{1B}[31m\u{85}\u{2028}"])
        let all = lines(found)
        #expect(all.count { !$0.hasPrefix(" ") && !$0.hasPrefix("\t") } == 1)
        #expect(all.allSatisfy { $0.unicodeScalars.allSatisfy { 0x20..<0x7F ~= $0.value || $0 == "\t" } })
    }

    // MARK: Spam

    private static let levels = "\ttagged_above=-1000 required=5"

    @Test func spamFields() {
        #expect(
            lines(score: 6.5, tests: [("ONE", 4), ("TWO", 2.5)]) == [
                "X-Spam-Flag: YES", "X-Spam-Score: 6.5", "X-Spam-Level: ******", "X-Spam-Status: Yes, score=6.5", Self.levels,
                "\ttests=[ONE=4,", "\tTWO=2.5]",
            ])
        #expect(
            lines(score: 0.9) == ["X-Spam-Flag: NO", "X-Spam-Score: 0.9", "X-Spam-Status: No, score=0.9", Self.levels, "\ttests=[]"])
        #expect(lines() == [])
        #expect(lines(["bypass_spam_checks": "true"], score: 50) == [])
    }

    private func lines(_ said: [String: String], score: Double) -> [String] { lines(Inspection(), said, score: score) }

    /// From the tag level on, and whatever that is where it is spam.
    @Test func whenTheyAreThere() {
        #expect(lines(["spam_tag_level": "3"], score: 2.999) == [])
        #expect(lines(["spam_tag_level": "3"], score: 3).contains("X-Spam-Score: 3"))
        #expect(lines(["spam_tag_level": "8"], score: 6).first == "X-Spam-Flag: YES")
        #expect(lines(["spam_tag_level": "8"], score: 4).isEmpty)
    }

    /// A list shows at least 64 points, or none at all; what was computed stays in the status.
    @Test func lists() {
        let white = lines(score: 7, isWhite: true)
        #expect(white.prefix(3) == ["X-Spam-Flag: NO", "X-Spam-Score: 0", "X-Spam-Status: No, score=7"])
        #expect(white.contains(Self.levels + " WHITELISTED"))
        #expect(lines(score: -7, isWhite: true).contains("X-Spam-Score: -7"))
        let black = lines(score: 7, isBlack: true)
        #expect(black.prefix(2) == ["X-Spam-Flag: YES", "X-Spam-Score: 64"])
        #expect(black.contains("X-Spam-Level: " + String(repeating: "*", count: 64)) && black.contains(Self.levels + " BLACKLISTED"))
        #expect(lines(score: 90, isBlack: true).contains("X-Spam-Score: 90"))
        // What the list gives is a test like others.
        #expect(lines(score: 1, points: 2.5, tests: [("ONE", 1)]).suffix(2) == ["\ttests=[ONE=1,", "\tSENDER_LIST=2.5]"])
    }

    /// A star for each whole point, 64 at most.
    @Test(arguments: [(0.99, 0), (1, 1), (5.999, 5), (64, 64), (65, 64), (99, 64), (9_999, 64), (-3, 0)])
    func stars(_ score: Double, _ count: Int) {
        let level = lines(score: score).first { $0.hasPrefix("X-Spam-Level:") }
        #expect(level == (count == 0 ? nil : "X-Spam-Level: " + String(repeating: "*", count: count)))
    }
}

/// A field as its readers see it.
private struct EncodedText {
    let text: String

    init(_ line: String) { text = EncodedWord.decode(Array(line.replacing("\r\n", with: "").utf8)) }
}
