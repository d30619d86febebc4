import CClamAV
import Glibc

/// One source asked through libfreshclam, on an `IsolatedThread`.
struct FreshclamRun: Sendable {
    let source: UpdateSource
    let settings: UpdateSettings
    let limits: SignatureUpdate.Limits
    let directory: SignatureDirectory
    /// A folder of this run alone.
    let temporary: String

    /// The record in which ClamAV's makers announce versions.
    private static let announcement = "current.cvd.clamav.net"

    private var log: String { temporary + "/log" }

    func run() -> [UpdateReport.Entry] {
        guard Engine.isLibraryReady else { return entries(UpdateFailure(.system, "cl_init")) }
        // What it remembers of other sources and other days is not for this one: the schedule knows it better.
        FreshclamMemory.forgetRest(directory)
        var strings = CStrings()
        defer { strings.free() }
        var configuration = fc_config()
        configuration.msgFlags = UInt32(FC_CONFIG_MSG_QUIET | FC_CONFIG_MSG_NOWARN)
        configuration.maxAttempts = limits.attempts
        configuration.connectTimeout = limits.connectSeconds
        configuration.requestTimeout = limits.silentSeconds
        configuration.databaseDirectory = UnsafePointer(strings.add(directory.path))
        configuration.tempDirectory = UnsafePointer(strings.add(temporary))
        configuration.logFile = UnsafePointer(strings.add(log))
        if let proxy = settings.proxy {
            configuration.proxyServer = UnsafePointer(strings.add(proxy.host))
            configuration.proxyPort = proxy.port
            if let user = proxy.user { configuration.proxyUsername = UnsafePointer(strings.add(user)) }
            if let password = proxy.password { configuration.proxyPassword = UnsafePointer(strings.add(password)) }
        }
        let code = fc_initialize(&configuration)
        guard code == FC_SUCCESS else {
            logg_close()
            return entries(failure(code, FreshclamLog(""), nil))
        }
        defer {
            fc_set_fccb_download_complete(nil)
            logg_close()
            fc_cleanup()
        }
        fc_set_fccb_download_complete { path, context in
            guard let path, let context else { return FC_EARG }
            return Unmanaged<DatabaseCheck>.fromOpaque(context).takeUnretainedValue().check(path)
        }
        switch source {
        case .mirror: return mirror()
        case .url(let url): return [UpdateReport.Entry(file: url.file, source: source.name, outcome: single(url))]
        }
    }

    private func mirror() -> [UpdateReport.Entry] {
        var announced: UnsafeMutablePointer<CChar>?
        if !settings.isPrivateMirror {
            var newVersion: UnsafeMutablePointer<CChar>?
            // A failure is no matter: the mirror is asked for the versions then.
            _ = fc_dns_query_update_info(Self.announcement, &announced, &newVersion)
            free(newVersion)
        }
        defer { free(announced) }
        var entries: [UpdateReport.Entry] = []
        var failure: UpdateFailure?
        var offset = 0
        for database in MirrorDatabase.allCases {
            let outcome = failure.map(UpdateReport.Outcome.failed) ?? mirrored(database, announced, &offset)
            if let found = outcome.failure, found.isOfTheMirror { failure = found }
            let file = directory.database(database)?.file ?? database.rawValue
            entries.append(UpdateReport.Entry(file: file, source: source.name, outcome: outcome))
        }
        return entries
    }

    private func mirrored(
        _ database: MirrorDatabase, _ announced: UnsafeMutablePointer<CChar>?, _ offset: inout Int
    ) -> UpdateReport.Outcome {
        var strings = CStrings()
        defer { strings.free() }
        var servers: [UnsafeMutablePointer<CChar>?] = settings.mirrors.map { strings.add($0) }
        let check = DatabaseCheck(directory, isSigned: true)
        var isUpdated: CInt = 0
        let code = fc_update_database(
            database.rawValue, &servers, UInt32(servers.count), settings.isPrivateMirror ? 1 : 0, announced,
            // A mirror of one's own has no patches as a rule.
            settings.isPrivateMirror ? 0 : 1, Unmanaged.passUnretained(check).toOpaque(), &isUpdated)
        let log = FreshclamLog(file: log, offset: &offset)
        if let failure = judge(code, isUpdated, log, check) { return .failed(failure) }
        let found = directory.database(database)
        guard isUpdated != 0 else { return .upToDate(version: found?.version ?? 0) }
        return .updated(version: found?.version ?? 0, signatures: found?.signatures ?? 0, isTested: check.isTested)
    }

    private func single(_ url: DatabaseURL) -> UpdateReport.Outcome {
        if url.isFile {
            // What is no plain file could keep the thread for ever.
            var status = stat()
            guard stat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return .failed(UpdateFailure(.absent)) }
            guard Int64(status.st_size) <= limits.bytes else { return .failed(UpdateFailure(.tooLarge)) }
        }
        let check = DatabaseCheck(directory, isSigned: false)
        var isUpdated: CInt = 0
        let code = fc_download_url_database(url.url, Unmanaged.passUnretained(check).toOpaque(), &isUpdated)
        var offset = 0
        let log = FreshclamLog(file: log, offset: &offset)
        if let failure = judge(code, isUpdated, log, check) { return .failed(failure) }
        let found = directory.database(url.file)
        guard isUpdated != 0 else { return .upToDate(version: found?.version ?? 0) }
        return .updated(version: found?.version ?? 0, signatures: found?.signatures ?? check.signatures, isTested: check.isTested)
    }

    /// All databases of the source with one failure.
    func entries(_ failure: UpdateFailure) -> [UpdateReport.Entry] {
        let files =
            switch source {
            case .mirror: MirrorDatabase.allCases.map(\.rawValue)
            case .url(let url): [url.file]
            }
        return files.map { UpdateReport.Entry(file: $0, source: source.name, outcome: .failed(failure)) }
    }

    /// Nil: it went well. 429 counts as success in libfreshclam, and 403 and 429 in answer to its first, small question as just any
    /// failure: the time that it has noted tells.
    private func judge(_ code: fc_error_t, _ isUpdated: CInt, _ log: FreshclamLog, _ check: DatabaseCheck) -> UpdateFailure? {
        let rest = FreshclamMemory.rest(directory)
        if code == FC_SUCCESS || code == FC_UPTODATE {
            return log.hasTooManyRequests && isUpdated == 0 ? refusal(.tooManyRequests, rest) : nil
        }
        if code == FC_EFORBIDDEN { return refusal(.forbidden, rest) }
        if code == FC_ERETRYLATER { return refusal(.tooManyRequests, rest) }
        // Some servers answer 403 where there is no .cld, and then 404 or worse for the .cvd.
        if rest > 0, !log.isAbsent, log.curlCode == nil, log.status == nil, code == FC_EFAILEDGET {
            // It notes 24 hours after a 403 and, where the answer names no time, 4 after a 429.
            return refusal(rest - Int64(time(nil)) > 86_000 ? .forbidden : .tooManyRequests, rest)
        }
        return failure(code, log, check)
    }

    private func refusal(_ kind: UpdateFailure.Kind, _ rest: Int64) -> UpdateFailure {
        UpdateFailure(kind, until: max(rest, Int64(time(nil)) + SignatureSchedule.refusalRest))
    }

    private func failure(_ code: fc_error_t, _ log: FreshclamLog, _ check: DatabaseCheck?) -> UpdateFailure {
        let failure = UpdateFailure(code, log, check, directory)
        guard directory.freeSpace < 1 << 20 else { return failure }
        switch failure.kind {
        case .connection, .damaged, .refused, .empty, .notWritable, .system: return UpdateFailure(.noSpace, directory.path)
        default: return failure
        }
    }
}

extension UpdateFailure {
    fileprivate init(_ code: fc_error_t, _ log: FreshclamLog, _ check: DatabaseCheck?, _ directory: SignatureDirectory) {
        switch code {
        case FC_ECONNECTION, FC_EFAILEDGET, FC_EFAILEDUPDATE:
            switch (log.curlCode, log.status) {
            // CURLE_WRITE_ERROR, CURLE_OPERATION_TIMEDOUT, CURLE_TOO_MANY_REDIRECTS
            case (23?, _): self.init(.noSpace, directory.path)
            case (28?, _): self.init(.timedOut)
            case (47?, _): self.init(.redirects)
            case (_?, _): self.init(.connection, log.curlWords)
            case (nil, let status?): self.init(.status, "\(status)")
            case (nil, nil) where log.isAbsent: self.init(.absent)
            case (nil, nil): self.init(code == FC_EFAILEDGET ? .damaged : .system, log.complaint)
            }
        case FC_EBADCVD: self.init(.damaged, log.complaint)
        case FC_ETESTFAIL: self.init(.refused, log.complaint)
        case FC_EEMPTYFILE: self.init(.empty)
        case FC_EMIRRORNOTSYNC: self.init(.behind)
        case FC_EDBDIRACCESS, FC_EDIRECTORY, FC_EINIT, FC_EFILE, FC_ELOGGING: self.init(.notWritable, directory.path)
        default: self.init(.system, String(cString: fc_strerror(code)))
        }
    }
}

/// C strings that live as long as the library needs them.
private struct CStrings {
    private var pointers: [UnsafeMutablePointer<CChar>?] = []

    mutating func add(_ text: String) -> UnsafeMutablePointer<CChar>? {
        pointers.append(strdup(text))
        return pointers[pointers.count - 1]
    }

    /// Passwords are among them.
    func free() {
        for case let pointer? in pointers {
            explicit_bzero(pointer, strlen(pointer))
            Glibc.free(pointer)
        }
    }
}
