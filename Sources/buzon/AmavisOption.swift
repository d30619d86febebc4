import Filter
import Store

/// Where a thing lives that somebody looks for among the policies: what amavisd.conf calls so is a setting here, or another command, or
/// there is none, and why.
enum AmavisOption {
    /// What to say about a key that is no policy; nil: it is not known.
    static func hint(_ written: String) -> String? {
        let plain = plain(written)
        if let setting = Setting.named(plain.replacing("_", with: "-")) {
            return text("policy.elsewhere.setting", ["setting": setting.key])
        }
        for name in [plain, plain.withoutSuffix] {
            if let key = policies[name] { return text("policy.elsewhere.policy", ["key": key.rawValue]) }
            if let setting = settings[name] { return text("policy.elsewhere.setting", ["setting": setting.key]) }
            if let group = groups.first(where: { $0.names.contains(name) }) { return text("policy.elsewhere.\(group.key)") }
        }
        return nil
    }

    /// Without sigil, in lower case.
    private static func plain(_ written: String) -> String {
        let name = written.lowercased().replacing("-", with: "_")
        return name.first.map { "$@%".contains($0) } ?? false ? String(name.dropFirst()) : name
    }

    private static let policies: [String: PolicyKey] = [
        "banned_filename": .bannedNames, "banned_filename_re": .bannedNames, "banned_filename_qr": .bannedNames,
        "banned_namepath": .bannedNames, "banned_namepath_re": .bannedNames, "sa_spam_modifies_subj": .spamSubjectTag,
    ]

    private static let settings: [String: Setting] = [
        "myhostname": .hostname, "mynetworks": .networks, "maxlevels": .scanDepth, "maxfiles": .scanFiles,
        "max_files": .scanFiles, "min_expansion_quota": .scanTotalSize, "max_expansion_quota": .scanTotalSize,
        "min_expansion_factor": .scanTotalSize, "max_expansion_factor": .scanTotalSize, "max_servers": .scanThreads,
        "child_timeout": .filterSeconds, "av_scanners": .signatureDirectory, "av_scanners_backup": .signatureDirectory,
        "recipient_delimiter": .separator, "virus_admin": .quarantineNotice, "newvirus_admin": .quarantineNotice,
        "banned_admin": .quarantineNotice, "spam_admin": .quarantineNotice, "bad_header_admin": .quarantineNotice,
    ]

    struct Group {
        /// Of the text, behind `policy.elsewhere.`.
        var key: String
        var names: Set<String>

        init(_ key: String, _ names: String) {
            self.key = key
            self.names = Set(names.split { $0 == " " || $0 == "\n" }.map(String.init))
        }
    }

    static let groups: [Group] = [
        Group("domains", "mydomain local_domains"),
        Group(
            "quarantine",
            """
            virus_quarantine_to banned_quarantine_to spam_quarantine_to bad_header_quarantine_to clean_quarantine_to quarantinedir
            virus_quarantine_method banned_files_quarantine_method spam_quarantine_method bad_header_quarantine_method
            clean_quarantine_method quarantine_subdir_levels sa_quarantine_cutoff_level spam_quarantine_cutoff_level
            """),
        Group("tag", "undecipherable_subject_tag"),
        Group(
            "notifier",
            """
            mailfrom_notify_admin mailfrom_notify_recip mailfrom_notify_spamadmin mailfrom_to_quarantine hdrfrom_notify_admin
            hdrfrom_notify_recip hdrfrom_notify_sender hdrfrom_notify_spamadmin
            """),
        Group("lovers", "virus_lovers banned_files_lovers spam_lovers bad_header_lovers unchecked_lovers"),
        Group(
            "warnings",
            """
            warnvirussender warnspamsender warnbannedsender warnbadhsender warnvirusrecip warnbannedrecip warnbadhrecip warn_offsite
            sa_dsn_cutoff_level spam_dsn_cutoff_level
            """),
        Group(
            "senders",
            """
            whitelist_sender blacklist_sender score_sender per_recip_whitelist_sender_lookup_tables
            per_recip_blacklist_sender_lookup_tables
            """),
        Group("headers", "bypass_header_checks final_bad_header_destiny allowed_header_tests"),
        Group(
            "score",
            """
            sa_mail_body_size_limit sa_local_tests_only sa_timeout sa_spam_report_header sa_spam_level_char sa_userconf sa_configpath
            sa_siteconfigpath sa_debug penpals_bonus_score penpals_threshold_high
            """),
        Group(
            "inside",
            """
            inet_socket_port inet_socket_bind inet_acl unix_socketname forward_method notify_method resend_method content_filter protocol
            amavisd_pid_file pid_file lock_file nanny_details_level max_requests smtp_connection_cache_enable
            """),
        Group("log", "log_level do_syslog syslog_facility syslog_ident logfile log_templ log_recip_templ"),
        Group("directory", "myhome tempbase helpers_home daemon_user daemon_group daemon_chroot_dir db_home release_format"),
        Group(
            "database",
            """
            enable_db enable_global_cache lookup_sql_dsn storage_sql_dsn sql_select_policy sql_select_white_black_list enable_ldap
            """),
        Group("rewriting", "defang_virus defang_banned defang_spam defang_bad_header defang_undecipherable defang_all allow_disclaimers"),
        Group(
            "fields",
            """
            x_header_tag x_header_line remove_existing_spam_headers remove_existing_x_scanned_headers allowed_added_header_fields
            insert_received_line
            """),
        Group("decoding", "bypass_decode_parts keep_decoded_original decoders path file altermime"),
    ]
}

extension String {
    /// Of a table for many recipients: `_maps`, `_acl`.
    fileprivate var withoutSuffix: String {
        for suffix in ["_maps", "_acl", "_re", "_deflt"] where hasSuffix(suffix) { return String(dropLast(suffix.count)) }
        return self
    }
}
