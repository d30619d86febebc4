import Mail
import Scanner
import Store

extension Doctor {
    /// Days after which signatures are worth a warning.
    private static let staleDays: Int64 = 7

    /// What viruses are known by, and what is held back.
    func signatures(_ store: MailStore) async throws -> [Finding] {
        var findings: [Finding] = []
        let held = try await store.quarantine(limit: 1_000).count
        if held > 0 { findings.append(Finding("quarantine", .ok, text("doctor.quarantine.text", ["count": held]))) }
        guard try await store.wantsVirusChecks() else {
            return [Finding("signatures", .ok, text("doctor.signatures.off"))] + findings
        }
        let directory = store.signatureDirectory
        let databases: [SignatureDirectory.Database]
        do {
            databases = try directory.databases()
        } catch {
            databases = []
        }
        guard let newest = databases.map(\.date).max() else {
            return [Finding("signatures", .warning, text("doctor.signatures.none", ["directory": directory.path]))] + findings
        }
        let isStale = newest < Clock.microseconds() / 1_000_000 - Self.staleDays * 86_400
        let words = text(
            isStale ? "doctor.signatures.stale" : "doctor.signatures.text",
            ["count": databases.count, "directory": directory.path, "time": MailDate.format(seconds: newest)])
        return [Finding("signatures", isStale ? .warning : .ok, words)] + findings
    }
}
