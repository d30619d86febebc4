import Archives
import Dispatch

/// What one call of libclamav reports through its callbacks.
struct ScanRecord: Sendable {
    /// Files that are remembered.
    static let most = 20_000

    var alerts: Alerts
    /// The files that were taken out of the message.
    private(set) var seen: Set<Fingerprint> = []
    private let deadline: DispatchTime

    init(_ switches: ScanSwitches, until deadline: DispatchTime) {
        alerts = Alerts(switches)
        self.deadline = deadline
    }

    /// A file that is about to be looked at. False: there is no time for it.
    mutating func see(_ bytes: UnsafeRawBufferPointer, level: UInt32) -> Bool {
        guard DispatchTime.now() < deadline else {
            alerts.reach("time")
            return false
        }
        if level > 0, seen.count < Self.most { seen.insert(Fingerprint(bytes)) }
        return true
    }
}
