import Archives
import Filter
import Flow
import Glibc
import Logging
import Scanner
import ServiceLifecycle
import Store
import Synchronization

/// What looks into messages, as the settings and policies have it: signatures are held in memory only while somebody wants them.
final class Checks: Inspector {
    /// All that a change of makes another inspector.
    private struct Wanted: Equatable {
        var isEnabled: Bool
        var signatures: Signatures.Configuration
        var inspector: ScannerInspector.Configuration
    }

    private struct State: Sendable {
        var wanted: Wanted
        var inspector: ScannerInspector
        var isClosed = false
    }

    private let store: MailStore
    private let log: Logger
    private let complaints: Complaints
    private let signatures: Signatures
    private let work: WorkTable?
    private let onStuck: @Sendable () -> Void
    private let state: Mutex<State>

    /// `onStuck`: so many scans never ended that the process had better begin anew.
    init(
        _ store: MailStore, _ log: Logger, _ complaints: Complaints, onPart: (@Sendable (String) -> Void)? = nil,
        onStuck: @escaping @Sendable () -> Void
    ) async {
        self.store = store
        self.log = log
        self.complaints = complaints
        self.onStuck = onStuck
        do {
            work = try WorkTable(path: store.directory + "/scanning")
        } catch {
            // Without it poisoned mail is not known again; everything else works.
            complaints.report("scanner", "\(store.directory)/scanning: \(error)")
            work = nil
        }
        let isEnabled = (try? await store.wantsVirusChecks()) ?? true
        let wanted = Self.wanted(store, isEnabled: isEnabled)
        let own = store.ownSignatures.path
        signatures = Signatures(wanted.signatures, matcher: Self.matcher(onPart), log: { [complaints] in complaints.report("scanner", $0) })
        {
            [log, complaints] status in
            for failure in status.failures {
                let words = text(failure.key, ["path": failure.path, "detail": failure.detail])
                // A new server has none yet: that is told, and is no trouble.
                if failure.reason == .missing, failure.path == own {
                    log.info("\(words)")
                } else {
                    complaints.report("signatures \(failure.path)", words)
                }
            }
            if status.phase == .ready { log.info("signatures: \(status.count), version \(status.version), \(status.bytes >> 20) MiB") }
        }
        state = Mutex(State(wanted: wanted, inspector: ScannerInspector(signatures, wanted.inspector, work: work, onStuck: onStuck)))
        if isEnabled { signatures.setEnabled(true) }
    }

    func inspect(_ content: any InspectedContent, _ order: InspectionOrder) async -> Inspection {
        // A policy that was changed just now is seen by the first message that it concerns: its signatures are loaded while it waits.
        if order.virus, !signatures.isEnabled { await refresh() }
        var inspection = await state.withLock { $0.inspector }.inspect(content, order)
        let status = signatures.status
        inspection.knewOnlyTest = status.knowsOnlyTest && inspection.signatures == status.version
        return inspection
    }

    var status: Signatures.Status { signatures.status }

    var holdsEngine: Bool { signatures.status.phase == .ready }

    /// Of today's signatures; empty while there are none.
    var signatureVersion: String { signatures.status.phase == .ready ? signatures.status.version : "" }

    /// Obeys what settings and policies say now. Cheap when nothing has changed.
    func refresh() async {
        guard let isEnabled = try? await store.wantsVirusChecks() else { return }
        let wanted = Self.wanted(store, isEnabled: isEnabled)
        let old = state.withLock { state -> ScannerInspector? in
            let last = state.wanted
            guard wanted != last, !state.isClosed else { return nil }
            state.wanted = wanted
            if wanted.signatures != last.signatures { signatures.apply(wanted.signatures) }
            if wanted.isEnabled != last.isEnabled { signatures.setEnabled(wanted.isEnabled) }
            guard wanted.inspector != last.inspector else { return nil }
            let old = state.inspector
            state.inspector = ScannerInspector(signatures, wanted.inspector, work: work, onStuck: onStuck)
            return old
        }
        // What it is looking at ends there.
        _ = old
    }

    /// New ones are there: they count before the next look.
    func lookForSignatures() { signatures.check() }

    /// Looks for new signatures until it is cancelled.
    func run() async { await signatures.run() }

    /// What is in work then is not to blame for the end of the process.
    func close() {
        let inspector = state.withLock { state in
            state.isClosed = true
            return state.inspector
        }
        inspector.close()
    }

    /// What a list of banned names says to a part.
    static let matcher: NameMatcher = KnownLists().matcher

    private static func matcher(_ onPart: (@Sendable (String) -> Void)?) -> NameMatcher {
        guard let onPart else { return matcher }
        return { list in
            let rule = matcher(list)
            return { part in
                onPart(part.name)
                return rule(part)
            }
        }
    }

    private static func wanted(_ store: MailStore, isEnabled: Bool) -> Wanted {
        let seconds = store.integer(.scanSeconds)
        let total = store.integer(.filterSeconds)
        let inspector = ScannerInspector.Configuration(
            threads: store.integer(.scanThreads), seconds: seconds,
            // Most scans take far less than they may: half of the time that a message has is spent on waiting before it is told to wait.
            wait: max(total - seconds, total / 2), stuck: store.integer(.scanStuck))
        return Wanted(
            isEnabled: isEnabled,
            signatures: Signatures.Configuration(
                source: SignatureSource(directory: store.signatureDirectory.path),
                settings: ScanSettings(
                    limits: ScanLimits(
                        fileSize: store.integer(.scanFileSize), totalSize: store.integer(.scanTotalSize), depth: store.integer(.scanDepth),
                        files: store.integer(.scanFiles), seconds: seconds),
                    switches: ScanSwitches(
                        heuristics: store.bool(.scanHeuristics), macros: store.bool(.scanMacros), phishing: store.bool(.scanPhishing)),
                    temporaryDirectory: store.directory + "/scan"),
                names: NameWalk.Limits(
                    depth: store.integer(.scanDepth), names: store.integer(.scanFiles), expanded: store.integer(.scanTotalSize),
                    seconds: seconds),
                lanes: store.bool(.scannerIsolation) ? inspector.threads : nil),
            inspector: inspector)
    }
}

/// Keeps the checks by the settings, looks again at what came lately, and tells the administrator of the quarantine.
struct CheckService: Service {
    /// Seconds between looks for news of the quarantine, and for signatures that received mail has not seen.
    static let interval = 60

    let checks: Checks
    let notice: QuarantineNotice
    let rescan: Rescan

    init(_ checks: Checks, _ reception: ReceptionContext) {
        self.checks = checks
        notice = QuarantineNotice(reception)
        rescan = Rescan(reception, checks) { checks.signatureVersion }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await checks.run() }
                group.addTask {
                    while (try? await Task.sleep(for: .seconds(Self.interval))) != nil { await rescan.catchUp() }
                }
                group.addTask {
                    var second = 0
                    while (try? await Task.sleep(for: SettingsWatch.interval)) != nil {
                        await checks.refresh()
                        second += 1
                        if second % Self.interval == 0 { await notice.tell() }
                    }
                }
            }
        }
        checks.close()
    }
}
