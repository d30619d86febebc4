import Testing

@testable import Filter

@Suite struct PolicyKeyTests {
    /// amavisd.conf as the guide has it in its step 11, row by row: whoever copies a line finds the same key, and the guide's value is the
    /// default. Rows about switching a check off name what is off by default: the bypass.
    @Test(arguments: [
        ("@bypass_virus_checks_acl", "qw(.)", PolicyKey.bypassVirusChecks, "true", false),
        ("@bypass_spam_checks_acl", "qw(.)", .bypassSpamChecks, "true", false),
        ("$final_virus_destiny", "D_DISCARD", .finalVirusDestiny, "discard", true),
        ("$final_banned_destiny", "D_REJECT", .finalBannedDestiny, "reject", true),
        ("$final_spam_destiny", "D_PASS", .finalSpamDestiny, "pass", true),
        ("$sa_tag_level_deflt", "-1000", .spamTagLevel, "-1000", true),
        ("$sa_tag2_level_deflt", "5.0", .spamTag2Level, "5", true),
        ("$sa_kill_level_deflt", "10", .spamKillLevel, "10", true),
        ("$sa_spam_subject_tag", "***SPAM***", .spamSubjectTag, "***SPAM***", true),
    ])
    func aRowOfTheGuide(_ name: String, _ value: String, _ key: PolicyKey, _ normal: String, _ isDefault: Bool) {
        #expect(PolicyKey(named: name) == key)
        #expect(key.normalised(value) == normal)
        #expect((key.fallback == normal) == isDefault)
    }

    /// The rows of the same table that are no policy: the server knows its domains, its engine and its network by other means.
    @Test(arguments: ["$mydomain", "@lookup_sql_dsn", "$sql_select_policy", "@av_scanners", "$sa_local_tests_only"])
    func whatIsNoPolicy(_ name: String) { #expect(PolicyKey(named: name) == nil) }

    @Test(arguments: PolicyKey.allCases) func eachHasADefaultThatIsAValue(_ key: PolicyKey) {
        #expect(key.normalised(key.fallback) == key.fallback)
        #expect(PolicyKey(named: key.rawValue) == key)
        #expect(PolicyKey(named: "$" + key.rawValue.uppercased()) == key)
    }

    @Test(arguments: [
        ("final-virus-destiny", PolicyKey.finalVirusDestiny), ("bypass_banned_checks_acl", .bypassBannedChecks),
        ("bypass_virus_checks_maps", .bypassVirusChecks), ("spam_subject_tag2", .spamSubjectTag), ("Quarantine", .quarantine),
    ])
    func namesOfTheSame(_ name: String, _ key: PolicyKey) { #expect(PolicyKey(named: name) == key) }

    @Test(arguments: ["", "$", "$$quarantine", "final_virus_destiny ", "final_virus", "hostname"])
    func namesOfNothing(_ name: String) { #expect(PolicyKey(named: name) == nil) }

    @Test(arguments: [
        ("pass", "pass"), ("D_PASS", "pass"), ("d_discard", "discard"), (" D_Reject ", "reject"), ("D_BOUNCE", "bounce"), ("junk", "junk"),
        ("QUARANTINE", "quarantine"), ("D_TEMPFAIL", nil), ("D_", nil), ("", nil), ("D_D_PASS", nil), ("1", nil),
    ])
    func destinies(_ written: String, _ stored: String?) { #expect(PolicyKey.finalSpamDestiny.normalised(written) == stored) }

    @Test(arguments: [
        ("true", "true"), ("Y", "true"), ("on", "true"), ("sí", "true"), (".", "true"), ("N", "false"), ("0", "false"), ("off", "false"),
        ("", nil), ("2", nil), ("maybe", nil),
    ])
    func bools(_ written: String, _ stored: String?) { #expect(PolicyKey.quarantine.normalised(written) == stored) }

    @Test(arguments: [
        ("5", "5"), ("5.0", "5"), ("+05.250", "5.25"), ("-0.5", "-0.5"), ("-0", "0"), ("10000", "10000"), ("-10000.000", "-10000"),
        ("6.31", "6.31"), ("0.007", "0.007"), ("10000.001", nil), ("-10001", nil), ("1.2345", nil), ("1.", nil), (".5", nil), ("", nil),
        ("-", nil), ("1e3", nil), ("1.2.3", nil), ("--1", nil), ("99999999999999999999", nil), ("nan", nil), ("١", nil),
    ])
    func levels(_ written: String, _ stored: String?) { #expect(PolicyKey.spamKillLevel.normalised(written) == stored) }

    @Test(arguments: [
        ("***SPAM***", true), ("", true), ("[correo basura] ", true), (String(repeating: "ñ", count: 100), true),
        (String(repeating: "ñ", count: 101), false), ("a" + String(repeating: "\u{301}", count: 100), false), ("a\r\nBcc: x", false),
        ("\u{0}", false), ("\u{1B}[31m", false), ("\u{85}", false), ("\u{2028}", false),
    ])
    func tags(_ tag: String, _ isTaken: Bool) { #expect((PolicyKey.spamSubjectTag.normalised(tag) == tag) == isTaken) }

    @Test func listsOfNamesAreOneLine() {
        #expect(PolicyKey.bannedNames.normalised(" .exe\n.vbs\t\t.scr ") == ".exe .vbs .scr")
        #expect(PolicyKey.bannedNames.normalised("") == "")
        #expect(PolicyKey.bannedNames.normalised(String(repeating: ".exe ", count: 10_000)) == nil)
        #expect(PolicyKey.bannedNames.normalised(".exe no-rule") == nil)
    }
}
