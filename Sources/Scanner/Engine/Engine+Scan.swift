import CClamAV
import Dispatch
import Filter

extension Engine {
    /// What a scan came to: alerts, or why there is none (libclamav's words).
    enum Outcome: Sendable, Equatable {
        case scanned(Alerts)
        case failed(String)
    }

    struct Failure: Error {
        var words: String
    }

    /// A whole message. Beyond the deadline no other part is begun: the limit `time`.
    func scan(message: UnsafeRawBufferPointer, until deadline: DispatchTime = .distantFuture) -> Outcome {
        guard message.count <= settings.limits.fileSize else {
            var alerts = Alerts()
            alerts.reach("size")
            return .scanned(alerts)
        }
        guard message.count > 0 else { return .scanned(Alerts()) }
        var alerts: Alerts
        let start = DispatchTime.now()
        switch run(message, isMail: true, until: deadline) {
        case .failure(let failure): return .failed(failure.words)
        case .success(let record):
            alerts = record.alerts
            if alerts.viruses.isEmpty, !alerts.limits.contains("time") {
                var look = SecondLook(self, until: deadline)
                look.look(at: message, seen: record.seen)
                if let words = look.failure { return .failed(words) }
                alerts.add(look.alerts)
                if alerts.viruses.isEmpty, record.holdsClosed || look.holdsClosed {
                    var members = MemberLook(self, since: start, until: deadline)
                    members.look(at: message)
                    if let words = members.failure { return .failed(words) }
                    alerts.add(members.alerts)
                }
            }
        }
        if !settings.switches.heuristics { alerts.leaveOutHeuristics(keepingMacros: settings.switches.macros) }
        return .scanned(alerts)
    }

    /// `isMail`: as a message, whatever it begins with; else for what the bytes are.
    func run(_ bytes: UnsafeRawBufferPointer, isMail: Bool, until deadline: DispatchTime) -> Result<ScanRecord, Failure> {
        isMail ? MailFraming.framed(bytes) { run($0, until: deadline) } : run(bytes, until: deadline)
    }

    /// Bytes that are scanned for what they are.
    func run(_ bytes: UnsafeRawBufferPointer, until deadline: DispatchTime = .distantFuture) -> Result<ScanRecord, Failure> {
        guard let map = cl_fmap_open_memory(bytes.baseAddress, bytes.count) else {
            return .failure(Failure(words: "cl_fmap_open_memory"))
        }
        defer { cl_fmap_close(map) }
        var record = ScanRecord(until: deadline)
        var options = options
        var name: UnsafePointer<CChar>?
        var scanned: UInt = 0
        let code = withUnsafeMutablePointer(to: &record) {
            cl_scanmap_callback(map, nil, &name, &scanned, pointer, &options, $0)
        }
        switch code {
        case CL_SUCCESS, CL_VIRUS: return .success(record)
        default: return .failure(Failure(words: String(cString: cl_strerror(code))))
        }
    }

    private var options: cl_scan_options {
        // Without ALLMATCHES only the last heuristic alert would be told: an encrypted archive behind a document with macros would
        // hide it. All of them cost a clean message nothing.
        var general = CL_SCAN_GENERAL_ALLMATCHES
        if settings.switches.heuristics { general |= CL_SCAN_GENERAL_HEURISTICS }
        var heuristic =
            CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE | CL_SCAN_HEURISTIC_ENCRYPTED_DOC
        if settings.switches.macros { heuristic |= CL_SCAN_HEURISTIC_MACROS }
        // Every parser, those of later versions too.
        return cl_scan_options(general: UInt32(general), parse: .max, heuristic: UInt32(heuristic), mail: 0, dev: 0)
    }
}
