import Mail
import Testing

@testable import Filter

@Suite struct PolicyLayersTests {
    private static let ana = PolicyScope.user("ana@virtual.test")

    private static func layers(_ server: [String: String], _ domain: [String: String], _ user: [String: String]) -> PolicyLayers {
        PolicyLayers(zip(ana.path, [server, domain, user]).map { .init($0, ScopePolicy(rows: $1.map { ($0.key, $0.value) })) })
    }

    @Test func whatEachScopeIncludes() {
        #expect(Self.ana.path == [.server, .domain("virtual.test"), Self.ana])
        #expect(PolicyScope.user("a@b@virtual.test").path == [.server, .domain("virtual.test"), .user("a@b@virtual.test")])
        #expect(PolicyScope.domain("virtual.test").path == [.server, .domain("virtual.test")])
        #expect(PolicyScope.server.path == [.server])
    }

    @Test(arguments: [
        (nil, nil, nil, "discard", PolicyLayers.Origin.standard), ("pass", nil, nil, "pass", .server),
        ("pass", "reject", nil, "reject", .domain),
        ("pass", "reject", "junk", "junk", .user), (nil, nil, "bounce", "bounce", .user), (nil, "quarantine", nil, "quarantine", .domain),
        // A user may go back to what is the default elsewhere.
        ("pass", nil, "discard", "discard", .user),
        // What is no value counts as if it weren't there.
        ("pass", "nonsense", "", "pass", .server),
    ])
    func theNarrowestWins(_ server: String?, _ domain: String?, _ user: String?, _ value: String, _ origin: PolicyLayers.Origin) {
        let layers = Self.layers(
            server.map { ["final_virus_destiny": $0] } ?? [:], domain.map { ["final_virus_destiny": $0] } ?? [:],
            user.map { ["final_virus_destiny": $0] } ?? [:])
        #expect(layers.value(of: .finalVirusDestiny) == (value, origin))
        #expect(layers.effective.finalVirusDestiny.rawValue == value)
        #expect(layers.effective.destiny(of: .virus).rawValue == value)
    }

    @Test func rowsThatSayNothing() {
        let policy = ScopePolicy(rows: [
            ("spam_kill_level", "6.50"), ("spam_tag_level", "lots"), ("nonsense", "1"), ("$quarantine", "false"), ("quarantine", "Off"),
        ])
        #expect(policy.values == [.spamKillLevel: "6.5", .quarantine: "false"])
        #expect(policy.useless == ["spam_tag_level": "lots", "nonsense": "1", "$quarantine": "false"])
    }

    @Test func theStandard() {
        let policy = Policy.standard
        #expect(policy == PolicyLayers([]).effective)
        #expect(!policy.bypassVirusChecks && !policy.bypassBannedChecks && !policy.bypassSpamChecks && policy.quarantine)
        #expect((policy.spamTagLevel, policy.spamTag2Level, policy.spamKillLevel) == (-1000, 5, 10))
        #expect(
            Category.allCases.map(policy.destiny(of:)) == [.discard, .reject, .quarantine, .quarantine, .pass, .pass, .pass])
        #expect(policy.oddities == [])
    }

    @Test func everyKeyReachesItsProperty() {
        let other: [String: String] = [
            "bypass_virus_checks": "true", "bypass_banned_checks": "true", "bypass_spam_checks": "true", "final_virus_destiny": "junk",
            "final_banned_destiny": "discard", "final_limit_destiny": "reject", "final_encrypted_destiny": "quarantine",
            "final_unopened_destiny": "bounce", "final_spam_destiny": "junk", "spam_tag_level": "-1.5", "spam_tag2_level": "3.25",
            "spam_kill_level": "4", "spam_subject_tag": "", "quarantine": "false", "banned_names": ".com",
        ]
        #expect(Set(other.keys) == Set(PolicyKey.allCases.map(\.rawValue)))
        let policy = Self.layers([:], other, [:]).effective
        #expect(policy.bypassVirusChecks && policy.bypassBannedChecks && policy.bypassSpamChecks && !policy.quarantine)
        #expect(Category.allCases.map(policy.destiny(of:)) == [.junk, .discard, .quarantine, .reject, .quarantine, .bounce, .junk])
        #expect((policy.spamTagLevel, policy.spamTag2Level, policy.spamKillLevel) == (-1.5, 3.25, 4))
        #expect(policy.spamSubjectTag == "" && policy.bannedNames == ".com")
    }

    @Test(arguments: [
        (["final_virus_destiny": "pass"], [Policy.Oddity.virusDelivered]), (["final_virus_destiny": "junk"], [.virusDelivered]),
        (["final_virus_destiny": "pass", "bypass_virus_checks": "true"], [.virusUnchecked]), (["final_spam_destiny": "bounce"], [.bounce]),
        (["spam_tag2_level": "10.001"], [.killBelowTag2]), (["spam_tag2_level": "10"], []), (["spam_tag_level": "6"], [.tag2BelowTag]),
        (["quarantine": "false"], [.held]), (["quarantine": "false", "final_limit_destiny": "pass"], []),
        (["banned_names": ""], [.nothingBanned]), (["banned_names": "", "bypass_banned_checks": "true"], []),
    ])
    func whatHardlyAnybodyMeans(_ said: [String: String], _ oddities: [Policy.Oddity]) {
        #expect(Self.layers(said, [:], [:]).effective.oddities == oddities)
    }
}
