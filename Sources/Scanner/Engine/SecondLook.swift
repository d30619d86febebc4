import Archives
import Dispatch
import Filter

/// What `Archives` takes out of a message and libclamav did not, or not byte for byte: each such file is scanned by itself.
///
/// libclamav's mail parser puts a line end behind parts that have none, knows fewer spellings and forgives other mistakes than mail
/// programs do. It opens no RAR (Debian has no libclamunrar), ar, lzma, lzip, zstd, lz4, compress and rpm, joins what TNEF attaches, reads
/// one of two zip archives in a file and not all packings of zip and 7z.
final class SecondLook: FileTaker {
    private let engine: Engine
    private let deadline: DispatchTime
    private var seen: Set<Fingerprint>
    /// Bytes that may still be scanned here.
    private var budget: Int
    private(set) var alerts: Alerts
    private(set) var failure: String?
    private(set) var milliseconds = 0
    /// Files that were scanned by themselves.
    private(set) var scanned = 0

    /// `record` is what the scan of the whole message came to.
    init(_ engine: Engine, after record: ScanRecord, until deadline: DispatchTime) {
        self.engine = engine
        self.deadline = deadline
        seen = record.seen
        alerts = record.alerts
        budget = engine.settings.limits.totalSize
    }

    /// Nothing that it finds would change the answer, or no time is left.
    var isOver: Bool { !alerts.viruses.isEmpty || alerts.limits.contains("time") || failure != nil }

    func take(_ file: UnsafeRawBufferPointer, isMessage: Bool) {
        guard !isOver, file.count >= Self.smallest else { return }
        let fingerprint = Fingerprint(file)
        guard !seen.contains(fingerprint) else { return }
        guard file.count <= min(engine.settings.limits.fileSize, budget) else { return alerts.reach("size") }
        guard scanned < engine.settings.limits.files else { return alerts.reach("files") }
        let start = DispatchTime.now()
        guard start < deadline else { return alerts.reach("time") }
        scanned += 1
        budget -= file.count
        scan(file, isMail: false)
        if isMessage, failure == nil, MailFraming.isNeeded(file) { scan(file, isMail: true) }
        if failure == nil { seen.insert(fingerprint) }
        milliseconds += start.milliseconds
    }

    func take(large file: Fingerprint) {
        if !seen.contains(file) { alerts.reach("size") }
    }

    /// What is shorter libclamav doesn't look at.
    private static let smallest = 6

    private func scan(_ file: UnsafeRawBufferPointer, isMail: Bool) {
        switch engine.run(file, isMail: isMail, until: deadline) {
        case .success(let record):
            alerts.add(record.alerts)
            if seen.count < Self.most { seen.formUnion(record.seen) }
        case .failure(let error): failure = error.words
        }
    }

    /// Files that are remembered, a few times what one scan remembers.
    private static let most = 4 * ScanRecord.most
}
