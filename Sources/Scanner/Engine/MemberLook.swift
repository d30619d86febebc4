import Archives
import CClamAV
import Dispatch
import Filter
import Glibc

/// Members of archives that libclamav doesn't open, or not as it should: each is unpacked by `Archives` and scanned by itself. Debian has
/// no libclamunrar; libclamav's parser of TNEF joins what is attached, so that what is known by a file's beginning or hash is met in the
/// first one only; it reads no ar, lzma, lzip, zstd, lz4, compress and rpm.
struct MemberLook {
    private static let containers = Set(
        ["rar", "tnef", "a", "deb", "lzma", "lz", "zst", "lz4", "Z", "rpm"].map { ContentKind(rawValue: $0) })

    private let engine: Engine
    private let start: DispatchTime
    private let deadline: DispatchTime
    private(set) var alerts = Alerts()
    private(set) var failure: String?

    init(_ engine: Engine, since start: DispatchTime, until deadline: DispatchTime) {
        self.engine = engine
        self.start = start
        self.deadline = deadline
    }

    /// Whether there are members to look at in a file that libclamav took out of a message. By its first bytes; in a program, by what begins a
    /// RAR archive behind it.
    static func isClosed(_ file: UnsafeRawBufferPointer) -> Bool {
        let kind = ContentKind(of: file)
        if containers.contains(kind) { return true }
        guard kind.isNamed("exe"), let base = file.baseAddress else { return false }
        return memmem(base, file.count, rar, rar.count) != nil
    }

    private static let rar = Array("Rar!\u{1A}\u{7}".utf8)

    mutating func look(at message: UnsafeRawBufferPointer) {
        let limits = engine.settings.limits
        let scan = Scan(engine, alerts, until: deadline)
        let walk = NameWalk(
            .init(depth: limits.depth, names: limits.files, expanded: limits.totalSize, seconds: max(0, limits.seconds - seconds)))
        let finding = walk.walk(message, .init(of: Self.containers) { scan.take($0) }) { _ in }
        failure = scan.failure
        alerts = scan.alerts
        for name in finding.encrypted { alerts.note(encrypted: name) }
        for name in finding.unopened { alerts.note(unopened: name) }
        for limit in finding.limits { alerts.reach(limit) }
    }

    private var seconds: Int { start.milliseconds / 1000 }

    /// What the walk hands out.
    private final class Scan {
        let engine: Engine
        let deadline: DispatchTime
        var alerts: Alerts
        var failure: String?

        init(_ engine: Engine, _ alerts: Alerts, until deadline: DispatchTime) {
            self.engine = engine
            self.deadline = deadline
            self.alerts = alerts
        }

        func take(_ member: UnsafeRawBufferPointer) {
            // One is enough.
            guard failure == nil, alerts.viruses.isEmpty else { return }
            guard DispatchTime.now() < deadline else { return alerts.reach("time") }
            guard member.count <= engine.settings.limits.fileSize else { return alerts.reach("size") }
            switch engine.run(member, isMail: ContentKind(of: member) == .mail, until: deadline) {
            case .success(let record): alerts.add(record.alerts)
            case .failure(let error): failure = error.words
            }
        }
    }
}
