import Logging
import Scanner
import ServiceLifecycle
import Store

/// Keeps the virus signatures fresh, by the settings.
struct SignatureService: Service {
    /// A server that is started again and again asks nobody.
    static let patience = Duration.seconds(60)

    let store: MailStore
    let checks: Checks
    let log: Logger
    let complaints: Complaints

    func run() async throws {
        let updater = SignatureUpdater(directory: store.ownSignatures) {
            // Nobody's mail is scanned: nothing is fetched.
            let wanted = (try? await store.wantsVirusChecks()) ?? true
            return UpdateSettings(store, isWanted: wanted)
        } report: { notice in
            let words = text.words(
                notice.key, notice.values.map { value in (value.name, value.detail.map { text(value.text, ["detail": $0]) } ?? value.text) }
            )
            if notice.isTrouble { complaints.report(notice.kind, words) } else { log.info("\(words)") }
        } updated: {
            checks.lookForSignatures()
        }
        // The sleep that shutdown cuts short is the ordinary end.
        await cancelWhenGracefulShutdown {
            guard (try? await Task.sleep(for: Self.patience)) != nil else { return }
            await updater.run()
        }
    }
}
