import Flow
import Mail
import Scanner
import Store

extension Doctor {
    /// Days after which signatures are worth a warning.
    private static let staleDays: Int64 = 7
    /// Databases that are named.
    private static let named = 10

    /// What viruses are known by: the files, and what the running server made of them.
    func signatures(_ store: MailStore, _ loaded: LoadedSignatures?) async throws -> [Finding] {
        guard try await store.wantsVirusChecks() else { return [Finding("signatures", .ok, text("doctor.signatures.off"))] }
        let databases = (try? store.signatureDirectory.databases()) ?? []
        var findings = [files(databases, store, isServed: loaded != nil)]
        guard let loaded else {
            findings += databases.filter(\.isHeaderless).prefix(Self.named).map {
                Finding("signatures", .warning, text.words("signatures.headerless", [("file", $0.file.printable)]))
            }
            if !databases.isEmpty { findings.append(Finding("signatures", .ok, text("signatures.loaded.absent"))) }
            return findings
        }
        let isPoor = loaded.knowsOnlyTest || !loaded.troubles.isEmpty
        findings.append(Finding("signatures", isPoor ? .warning : .ok, loaded.summary))
        return findings + loaded.troubles.map { Finding("signatures", .warning, $0.words) }
    }

    private func files(_ databases: [SignatureDirectory.Database], _ store: MailStore, isServed: Bool) -> Finding {
        let directory = store.signatureDirectory.path
        // What somebody adds by himself is no news of viruses.
        let dates = (databases.contains(where: \.isMajor) ? databases.filter(\.isMajor) : databases).map(\.date)
        guard let newest = dates.max() else {
            return Finding("signatures", .warning, none(store, isServed: isServed))
        }
        let isStale = newest < Clock.microseconds() / 1_000_000 - Self.staleDays * 86_400
        let hasMajor = databases.contains(where: \.isMajor)
        let key = !hasMajor ? "doctor.signatures.own" : isStale ? "doctor.signatures.stale" : "doctor.signatures.text"
        let words = text.words(
            key, [("count", "\(databases.count)"), ("directory", directory), ("time", MailDate.format(seconds: newest))])
        return Finding("signatures", isStale || !hasMajor ? .warning : .ok, words)
    }

    /// Why there are none, and what helps.
    private func none(_ store: MailStore, isServed: Bool) -> String {
        let settings = UpdateSettings(store)
        let directory = store.signatureDirectory
        guard settings.isOwn else {
            return text(
                directory.exists ? "doctor.signatures.none.other" : "doctor.signatures.none.missing", ["directory": directory.path])
        }
        guard !settings.sources.isEmpty else {
            return text("doctor.signatures.none.unfetched", ["directory": directory.path])
        }
        let state = UpdateState(directory: directory.path)
        if let failure = settings.sources.lazy.compactMap({ state.sources[$0.name]?.failure }).first {
            return text.words("doctor.signatures.none.failed", [("directory", directory.path), ("reason", text(failure))])
        }
        guard isServed, settings.checksADay > 0, state.sources.isEmpty else {
            return text("doctor.signatures.none", ["directory": directory.path])
        }
        return text(
            "doctor.signatures.none.first",
            ["directory": directory.path, "seconds": SignatureService.patience.components.seconds])
    }

    /// What is held back, and the room that it takes.
    func quarantine(_ health: Health, _ store: MailStore) -> [Finding] {
        guard health.quarantined > 0 else { return [] }
        let room = store.integer(.quarantineSize)
        // Beyond, the oldest go or mail is refused (setting quarantine-full).
        let isFull = health.quarantineSize > room / 10 * 9
        let words = text(
            isFull ? "doctor.quarantine.full" : "doctor.quarantine.text",
            ["count": health.quarantined, "used": health.quarantineSize, "size": room])
        return [Finding("quarantine", isFull ? .warning : .ok, words)]
    }
}
