import ArgumentParser
import Flow
import Mail
import Scanner
import Store

/// The signatures of viruses, and fetching them now.
struct SignaturesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signatures", abstract: text("help.signatures"), subcommands: [Show.self, Update.self])

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.signatures.show"))
        @OptionGroup var common: CommonOptions

        private struct Shown: Encodable {
            struct Database: Encodable {
                var file: String
                var size: Int64
                /// Seconds since 1970.
                var date: Int64
                var version: Int?
                var signatures: Int?
                /// Not what ClamAV's makers signed, though it is named so.
                var damaged: Bool
            }

            struct Source: Encodable {
                var source: String
                /// Seconds since 1970; 0: never.
                var checked: Int64
                var succeeded: Int64
                /// None: never.
                var next: Int64?
                var error: String?
            }

            var directory: String
            /// Kept by this server, not by another program.
            var own: Bool
            var fetched: Bool
            /// What the running server has loaded; none: no server runs.
            var loaded: LoadedSignatures?
            var databases: [Database] = []
            var sources: [Source] = []
            var problems: [String] = []
            /// Why the databases can't be told.
            var unreadable: String?
        }

        func run() async throws {
            let (settings, directory) = try await common.withStore { store in
                (UpdateSettings(store), store.signatureDirectory)
            }
            let loaded = try Control.ask(.status, directory: common.data)?.signatures
            var shown = Shown(
                directory: directory.path, own: settings.isOwn, fetched: !settings.sources.isEmpty, loaded: loaded)
            do throws(UpdateFailure) {
                shown.databases = try directory.databases().map {
                    .init(
                        file: $0.file, size: $0.size, date: $0.date, version: $0.version, signatures: $0.signatures,
                        damaged: $0.isHeaderless)
                }
            } catch {
                shown.unreadable = unreadable(directory, error, isOwn: settings.isOwn)
            }
            shown.problems += settings.problems.map { text($0) }
            if settings.isOwn { shown.sources = sources(settings, UpdateState(directory: directory.path)) }
            if common.json { return try Output.json(shown) }
            lines(shown).forEach { print($0) }
        }

        /// Nil: a new server makes its own when it first needs it.
        private func unreadable(_ directory: SignatureDirectory, _ failure: UpdateFailure, isOwn: Bool) -> String? {
            guard directory.exists else { return isOwn ? nil : text("scan.signatures-missing", ["path": directory.path]) }
            let detail = failure.detail.replacing(directory.path + ": ", with: "", maxReplacements: 1)
            return text("scan.signatures-unreadable", ["path": directory.path, "detail": detail])
        }

        private func sources(_ settings: UpdateSettings, _ state: UpdateState) -> [Shown.Source] {
            let now = Clock.microseconds() / 1_000_000
            return settings.sources.map { source in
                let known = state.sources[source.name]
                return Shown.Source(
                    source: source.name, checked: known?.checked ?? 0, succeeded: known?.succeeded ?? 0,
                    next: settings.next(source, state, now: now), error: known?.failure.map { text($0) })
            }
        }

        private func lines(_ shown: Shown) -> [String] {
            var lines = [text("signatures.directory", ["directory": shown.directory])]
            if let reason = shown.unreadable {
                lines.append("  " + reason)
            } else if shown.databases.isEmpty {
                lines.append("  " + text("signatures.none"))
            }
            for database in shown.databases {
                let values = [
                    ("file", database.file.printable), ("date", MailDate.format(seconds: database.date)), ("size", "\(database.size)"),
                    ("version", "\(database.version ?? 0)"), ("count", "\(database.signatures ?? 0)"),
                ]
                let key = database.damaged ? "headerless" : database.version == nil ? "plain" : "database"
                lines.append("  " + text.words("signatures.\(key)", values))
            }
            lines.append(shown.loaded?.summary ?? text("signatures.loaded.absent"))
            lines += (shown.loaded?.troubles ?? []).map { "  " + $0.words }
            if !shown.own {
                lines.append(text("signatures.other", ["directory": shown.directory]))
            } else if !shown.fetched {
                lines.append(text("signatures.not-fetched"))
            }
            for source in shown.sources {
                lines.append(text("signatures.source", ["source": source.source]))
                lines.append("  " + text("signatures.checked", ["time": time(source.checked)]))
                lines.append("  " + text("signatures.succeeded", ["time": time(source.succeeded)]))
                // It is due: with the next start at the latest.
                let isFirst = source.checked == 0 && source.next != nil
                lines.append("  " + (isFirst ? first : text("signatures.next", ["time": time(source.next ?? 0)])))
                if let error = source.error { lines.append("  " + text("signatures.error", ["reason": error])) }
            }
            return lines + shown.problems.map { text("signatures.hindered", ["reason": $0]) }
        }

        private var first: String { text("signatures.next.first", ["seconds": SignatureService.patience.components.seconds]) }

        private func time(_ seconds: Int64) -> String {
            seconds == 0 ? text("signatures.never") : MailDate.format(seconds: seconds)
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: text("help.signatures.update"))
        @OptionGroup var common: CommonOptions

        private struct Done: Encodable {
            struct Entry: Encodable {
                var file: String
                var source: String
                /// `updated`, `up-to-date`, `failed`
                var outcome: String
                var version: Int?
                var signatures: Int?
                /// Whether it was loaded once before it was taken.
                var tested: Bool?
                /// Why it failed: one of a few words, and a sentence.
                var kind: String?
                var reason: String?

                init(_ entry: UpdateReport.Entry) {
                    file = entry.file
                    source = entry.source
                    switch entry.outcome {
                    case .updated(let version, let signatures, let isTested):
                        outcome = "updated"
                        self.version = version
                        self.signatures = signatures
                        tested = isTested
                    case .upToDate(let version):
                        outcome = "up-to-date"
                        self.version = version
                    case .failed(let failure):
                        outcome = "failed"
                        kind = failure.kind.rawValue
                        reason = text(failure)
                    }
                }
            }

            var entries: [Entry]
            var removed: [String]
        }

        func run() async throws {
            let (settings, directory) = try await common.withStore { store in
                (UpdateSettings(store), store.signatureDirectory)
            }
            guard settings.isOwn else { throw CommandFailure(text("signatures.other", ["directory": directory.path])) }
            if let problem = settings.problems.first { throw CommandFailure(text(problem)) }
            guard !settings.sources.isEmpty else { throw CommandFailure(text("signatures.not-fetched")) }
            let report: UpdateReport
            do throws(UpdateFailure) {
                report = try await SignatureUpdate(directory: directory, settings: settings).run(settings.sources)
            } catch {
                throw CommandFailure(text(error))
            }
            let done = Done(entries: report.entries.map(Done.Entry.init), removed: report.removed)
            if common.json { try Output.json(done) } else { lines(done).forEach { print($0) } }
            let failed = report.entries.count { $0.outcome.failure != nil }
            if failed > 0 { throw CommandFailure(text("signatures.some-failed", ["count": failed, "all": report.entries.count])) }
        }

        private func lines(_ done: Done) -> [String] {
            var lines = done.entries.map { entry -> String in
                let outcome = entry.outcome == "updated" && entry.version == 0 ? "taken" : entry.outcome
                let values = [
                    ("file", entry.file.printable), ("source", entry.source), ("version", "\(entry.version ?? 0)"),
                    ("count", "\(entry.signatures ?? 0)"), ("reason", entry.reason ?? ""),
                ]
                var line = text.words("signatures.outcome.\(outcome)", values)
                if entry.tested == false { line += " " + text("signatures.untested") }
                return line
            }
            lines += done.removed.map { text("signatures.removed", ["file": $0]) }
            return lines
        }
    }
}

extension UpdateSettings {
    /// `isWanted`: somebody's mail is scanned; else nothing is fetched by itself.
    init(_ store: MailStore, isWanted: Bool = true) {
        self.init(
            directory: store.value(.signatureDirectory), mirror: store.value(.signatureMirror),
            isPrivateMirror: store.bool(.signaturePrivateMirror), urls: store.value(.signatureURLs),
            proxy: store.value(.signatureProxy), checksADay: isWanted ? store.integer(.signatureChecks) : 0)
    }
}

extension MailStore {
    /// Where this server keeps those that it fetches.
    var ownSignatures: SignatureDirectory { SignatureDirectory(path: directory + "/signatures") }

    /// Where signatures are read, whoever keeps them.
    var signatureDirectory: SignatureDirectory {
        let place = value(.signatureDirectory)
        return place == "own" ? ownSignatures : SignatureDirectory(path: place)
    }
}

extension Text {
    /// In a sentence, with the time before which not to ask again.
    func callAsFunction(_ failure: UpdateFailure) -> String {
        let time = failure.until == 0 ? "" : MailDate.format(seconds: failure.until)
        return words(failure.key, [("detail", failure.detail.printable), ("time", time)])
    }
}
