import Testing

@testable import Filter
@testable import buzon

@Suite struct AmavisOptionTests {
    @Test(arguments: [
        ("$mydomain", "buzon domain add"), ("@local_domains_maps", "buzon domain add"), ("virus_quarantine_to", "quarantine-days"),
        ("$MAXLEVELS", "buzon settings set scan-depth"), ("max_files", "buzon settings set scan-files"),
        ("@spam_lovers_maps", "buzon policy set --user"), ("warnvirussender", "quarantine-notice"),
        ("$sa_mail_body_size_limit", "being built"), ("@bypass_header_checks_maps", "no such check"),
        ("$final_bad_header_destiny", "no such check"), ("$inet_socket_port", "inside the server"), ("@av_scanners", "signature-directory"),
        ("@lookup_sql_dsn", "buzon.db"), ("$sql_select_policy", "buzon.db"), ("$sa_local_tests_only", "being built"),
        ("$banned_filename_re", "buzon policy set banned_names"), ("quarantine_days", "buzon settings set quarantine-days"),
        ("@whitelist_sender_acl", "buzon policy sender add"), ("log-level", "buzon trace"),
        ("$undecipherable_subject_tag", "There is none here: only subjects of spam"),
        ("$mailfrom_notify_admin", "There is none here: notices come from MAILER-DAEMON"),
    ])
    func hints(_ written: String, _ said: String) throws {
        // What is a policy here needs no hint.
        #expect(PolicyKey(named: written) == nil)
        #expect(try #require(AmavisOption.hint(written)).contains(said))
    }

    @Test func othersHaveNone() { for name in ["", "$", "nonsense", "_maps", "@_acl"] { #expect(AmavisOption.hint(name) == nil) } }

    @Test(arguments: [Language.english, .spanish]) func everyGroupHasAText(_ language: Language) {
        let table = Text(language)
        for group in AmavisOption.groups { #expect(table("policy.elsewhere.\(group.key)") != "policy.elsewhere.\(group.key)") }
        // Each name stands in one group.
        let names = AmavisOption.groups.flatMap(\.names)
        #expect(Set(names).count == names.count)
    }
}
